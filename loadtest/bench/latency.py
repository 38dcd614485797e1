"""Section `latency`: at 10, 50 and 80% of the collector's maximum, open-loop; and nginx at the same rates beside it."""

import statistics
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from loadtest.bench import wrk
from loadtest.bench.child import Failed, run
from loadtest.bench.collector import FAST
from loadtest.bench.figures import Figure, skipped
from loadtest.bench.loaded import in_turn
from loadtest.bench.options import Options
from loadtest.bench.peers import NGINX, nginx_missing
from loadtest.bench.requests import Load, Request, legacy
from loadtest.bench.servers import Kind, Server
from loadtest.openloop import Result

SHARES = (10, 50, 80)  # per cent of the maximum
QUANTILES = ("p50", "p90", "p99", "p99.9", "max")
_LATE_SECONDS = 0.0005  # of the client itself, at p99: more, and it is not the server that was measured
_KEPT = 0.97  # of the rate, at least; the last answers come after the last request
_HOST = "collector.example"


def latency(options: Options) -> list[Figure]:
    if why := wrk.reason_missing():
        return [skipped("latency", "latency", why)]
    load = Load("legacy", "900 B reports", legacy())
    most = statistics.median(one.rate for one in in_turn(options, [FAST], load)["fast"])
    kinds = [FAST] if nginx_missing() else [FAST, NGINX]
    figures = [Figure("latency.maximum", "the maximum, by wrk", "requests/s", [most], "more")]
    for share in SHARES:
        rounds: dict[str, list[Result]] = {kind.key: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind in kinds:
                found = _measured(options, kind, load, most * share / 100)
                options.say(_told(kind, share, found))
                rounds[kind.key].append(found)
        figures += [figure for kind in kinds for figure in _figures(kind, share, rounds[kind.key])]
    return figures


def _measured(options: Options, kind: Kind, load: Load, rate: float) -> Result:
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        kind.start(Path(folder), options.server_core) as server,
    ):
        return steady(options, server, load, rate, options.seconds)


def steady(options: Options, server: Server, load: Load, rate: float, seconds: float) -> Result:
    """A run of the open-loop client on its core, after a second of warming. Raises Failed."""
    log = options.folder / "openloop.log"
    words = client("loadtest.openloop", server, wired(server, load), options.folder)
    for length in (1.0, seconds):
        log.unlink(missing_ok=True)
        run([*words, f"{rate:.1f}", f"{length:g}"], log, options.client_core)
    found = msgspec.json.decode(log.read_bytes(), type=Result)
    if found.wrong:
        raise Failed(f"{found.wrong} requests to {server.url} were not answered 204: {server.child.words()}")
    return found


def client(module: str, server: Server, requests: list[bytes], folder: Path) -> list[str | Path]:
    """The words that start one of the open-loop clients, but for its rates; what it sends in turn is written down."""
    table, where = folder / "requests.msgpack", urlsplit(server.url)
    table.write_bytes(msgspec.msgpack.encode(requests))
    return [sys.executable, "-m", module, str(where.hostname), str(where.port), table]


def wired(server: Server, load: Load) -> list[bytes]:
    return [wire(request, server.path_of(request)) for request in load.requests]


def wire(request: Request, path: str) -> bytes:
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {_HOST}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if request.body or request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _told(kind: Kind, share: int, found: Result) -> str:
    shown = ", ".join(f"{name} {found.latency[name] * 1000:.2f}" for name in QUANTILES)
    return f"{share}% of the maximum, {kind.name}: {shown} ms{f' ({_doubt(found)})' if _doubt(found) else ''}"


def _doubt(found: Result) -> str:
    """What keeps these figures from being the server's alone."""
    if found.unanswered:
        return f"{found.unanswered} requests had no answer in the end: the rate was more than it can do"
    if found.rate < found.asked_rate * _KEPT:
        return f"the rate was not kept: {found.rate:,.0f} requests/s of {found.asked_rate:,.0f}"
    if found.late["p99"] > _LATE_SECONDS:
        return f"the client did not keep its own rate: it was {found.late['p99'] * 1000:.2f} ms late itself at p99"
    return ""


def _figures(kind: Kind, share: int, rounds: list[Result]) -> list[Figure]:
    name = f"latency at {share}%, {kind.name}"
    note = next((doubt for found in rounds if (doubt := _doubt(found))), "")
    return [
        Figure(
            f"latency.{share}.{kind.key}.{quantile}", f"{name}: {quantile}", "ms",
            [found.latency[quantile] * 1000 for found in rounds], "less", note,
        )
        for quantile in QUANTILES
    ]  # fmt: skip
