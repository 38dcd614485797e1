"""Section `soak`: `csp-sentinel run` for minutes at half of what it can do, and how much memory each process has.

What it can do is found first: how fast a flood of the mix is stored, to the last report.
"""

import time

import msgspec

from loadtest.bench import proc, wrk
from loadtest.bench.child import Child, Failed
from loadtest.bench.figures import Figure, skipped
from loadtest.bench.latency import client, wired
from loadtest.bench.loaded import WARM_SECONDS
from loadtest.bench.options import Options
from loadtest.bench.requests import Load, corpus, write_table
from loadtest.bench.servers import Server, scraped, sentinel
from loadtest.openloop import Result

_FLOOD_SECONDS = 10
_STORE_SECONDS = 600  # for all of the flood to be stored
_SHARE = 0.5
_MIB = 1 << 20
_PROCESSED = "sentinel_reports_processed_total"
_ACCEPTED = "sentinel_reports_accepted_total"


def soak(options: Options) -> list[Figure]:
    """On all cores, shared with the client, because that is how a small machine runs it."""
    if why := wrk.reason_missing():
        return [skipped("soak", "soak", why)]
    load = Load("mix", "corpus mix", corpus())
    cores = f"{options.server_core},{options.client_core}"
    minutes = options.soak_minutes
    with sentinel(options.folder, cores, command="run") as server:
        rate = _flood(options, server, load) * _SHARE
        options.say(f"{minutes:g} minutes of {rate:,.0f} requests/s")
        said, memory = _watched(options, server, load, rate, minutes * 60)
        behind = scraped(server).get("sentinel_lag_seconds", 0.0)
    return [
        Figure("soak.rate", "soak: load", "requests/s", [said.rate], note=_doubt(said)),
        Figure("soak.lag", "soak: how far the store is behind at the end", "s", [behind], "less"),
        *(figure for name, series in memory.items() for figure in _figures(name, series)),
    ]


def _flood(options: Options, server: Server, load: Load) -> float:
    """Requests a second that are taken and stored."""
    table = options.folder / "requests.lua"
    write_table(load.requests, server.path_of, table)
    began = time.monotonic()
    run = wrk.wrk(options, server.url, table, _FLOOD_SECONDS)
    if run.refused:
        raise Failed(f"{run.refused} requests of the flood were refused")
    while not _all_stored(server):
        if time.monotonic() - began > _STORE_SECONDS:
            raise Failed(f"the flood was not stored within {_STORE_SECONDS} s")
        time.sleep(0.2)
    return run.requests / (time.monotonic() - began)


def _all_stored(server: Server) -> bool:
    """The processor looks at least once more when the collector has counted all of it."""
    time.sleep(WARM_SECONDS)
    found = scraped(server)
    done = sum(value for name, value in found.items() if name.startswith(_PROCESSED))
    return 0 < found.get(_ACCEPTED, 0) <= done


def _watched(
    options: Options, server: Server, load: Load, rate: float, seconds: float
) -> tuple[Result, dict[str, list[float]]]:
    """What the client says, and MiB by process, a second apart."""
    log = options.folder / "openloop.log"
    words = client("loadtest.openloop", server, wired(server, load), options.folder)
    names = _names(server.child.pid)
    series: dict[str, list[float]] = {name: [] for name in names.values()}
    ends = time.monotonic() + seconds
    sending = Child([*words, f"{rate:.1f}", f"{seconds:g}"], log, options.client_core)
    with options.progress("soaking", seconds) as advance, sending:
        while time.monotonic() < ends and sending.running():
            for pid, name in names.items():
                series[name].append(resident(name, pid) / _MIB)
            time.sleep(1)
            advance(1)
        sending.wait(60)
    try:
        return msgspec.json.decode(log.read_bytes(), type=Result), series
    except msgspec.DecodeError:
        raise Failed(f"the client of the soak ended early: {sending.words()}") from None


def resident(name: str, pid: int) -> int:
    """Bytes. Raises Failed where it ended: the program starts another, which is not the one that was watched."""
    if not (found := proc.resident_bytes(pid)):
        raise Failed(f"the {name} ended during the soak")
    return found


def _names(pid: int) -> dict[int, str]:
    """The program's processes: who has the engine in memory is the processor, the parent only looks after them."""
    found = {pid: "parent"}
    for child in proc.tree(pid)[1:]:
        if proc.has_mapped(child, "chdb"):
            found[child] = "processor"
        elif proc.has_mapped(child, "uvloop"):
            found[child] = "worker"
    if missing := {"processor", "worker"} - set(found.values()):
        raise Failed(f"no process looks like {missing}")
    return found


def _figures(name: str, series: list[float]) -> list[Figure]:
    """The slope is that of the second half: before, caches fill."""
    shown = f"soak: {name}"
    seconds = {str(second): value for second, value in enumerate(series)}
    return [
        Figure(f"soak.{name}.start", f"{shown}, at the start", "MiB", series[:1], "less"),
        Figure(f"soak.{name}.end", f"{shown}, at the end", "MiB", series[-1:], "less"),
        Figure(f"soak.{name}.max", f"{shown}, at most", "MiB", [max(series)], "less", detail=seconds),
        Figure(f"soak.{name}.slope", f"{shown}, growth", "MiB/h", [slope(series[len(series) // 2 :]) * 3600], "less"),
    ]


def slope(series: list[float]) -> float:
    """Of the line that fits best, by step."""
    middle, mean = (len(series) - 1) / 2, sum(series) / len(series)
    over = sum((place - middle) ** 2 for place in range(len(series)))
    return sum((place - middle) * (value - mean) for place, value in enumerate(series)) / over if over else 0.0


def _doubt(said: Result) -> str:
    if said.unanswered or said.wrong:
        return f"{said.unanswered} without an answer, {said.wrong} not answered 204"
    return ""
