"""One server under one load for some seconds; and several servers in turn, because a machine's speed comes and goes."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from loadtest.bench import wrk
from loadtest.bench.child import Failed
from loadtest.bench.options import Options
from loadtest.bench.requests import Load, write_table
from loadtest.bench.servers import Kind, Server, scraped
from log.frame import HEADER, split
from log.segments import segments

WARM_SECONDS = 1
_METRICS_SECONDS = 1.3  # until the last of a run is in them
# An answer on its way when wrk stops is not in its count; each of the two runs has as many as there are connections.
_RUNS = 2


class Measured(NamedTuple):
    rate: float  # requests/s
    cpu_us: float  # of the server's processes, a request
    saturated: bool  # the client was at its own limit
    broken: int  # connections


@dataclass(frozen=True)
class Pace:
    """`cores` and `client_cores` as taskset has them; by default one each."""

    seconds: float
    connections: int = wrk.CONNECTIONS
    cores: str = ""
    client_cores: str = ""
    closing: bool = False  # some requests ask for the end of their connection


def in_turn(options: Options, kinds: Sequence[Kind], load: Load, pace: Pace | None = None) -> dict[str, list[Measured]]:
    """A run of each kind a round, by key. Raises Failed."""
    pace = pace or Pace(options.seconds, closing=any("Connection" in one.headers for one in load.requests))
    found: dict[str, list[Measured]] = {kind.key: [] for kind in kinds}
    for number in range(options.rounds):
        for kind in kinds:
            done = measure(options, kind, load, pace)
            found[kind.key].append(done)
            more = "; the client could do no more" if done.saturated else ""
            rate, cpu = f"{done.rate:,.0f} requests/s", f"{done.cpu_us:.1f} µs of CPU each"
            options.say(f"round {number + 1}, {load.name}, {kind.name}: {rate}, {cpu}{more}")
    return found


def measure(options: Options, kind: Kind, load: Load, pace: Pace) -> Measured:
    """Started for this run alone, and warm when it counts. Raises Failed where an answer was no 204, or none came."""
    folder = options.folder / kind.key
    folder.mkdir()
    try:
        with kind.start(folder, pace.cores or options.server_core) as server:
            table = folder / "requests.lua"
            write_table(load.requests, server.path_of, table)
            warm = _run(options, server, table, pace, WARM_SECONDS)
            before = server.cpu_seconds()
            run = _run(options, server, table, pace, pace.seconds)
            cpu = server.cpu_seconds() - before
            posts = _accepted(server, load, warm.requests + run.requests, pace) if server.metrics else 0.0
            data_dir = server.data_dir
        if posts and data_dir is not None:
            _check_spool(data_dir / "spool", int(posts))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Measured(run.rate, cpu / run.requests * 1e6, run.saturated, run.broken)


def _run(options: Options, server: Server, table: Path, pace: Pace, seconds: float) -> wrk.Run:
    run = wrk.wrk(options, server.url, table, seconds, pace.connections, pace.client_cores)
    # wrk goes on with a connection until it is told that it ends: who closes without a word breaks every one.
    broken = 0 if pace.closing else run.broken
    if not run.requests or run.refused or broken:
        raise Failed(
            f"{server.url}: {run.requests} requests answered, {run.refused} with an error, "
            f"{broken} connections broken: {server.child.words()}"
        )
    return run


def _accepted(server: Server, load: Load, answered: int, pace: Pace) -> float:
    """The POSTs that Sentinel counted: those wrk saw answered, and at most those that were under way at a run's end."""
    time.sleep(_METRICS_SECONDS)
    found = scraped(server)
    posts = found.get('sentinel_requests_total{method="POST"}', 0.0)
    preflights = found.get('sentinel_requests_total{method="OPTIONS"}', 0.0)
    reports = found.get("sentinel_reports_accepted_total", 0.0)
    refused = sum(value for name, value in found.items() if name.startswith("sentinel_reports_refused_total"))
    if not 0 <= posts + preflights - answered <= _RUNS * pace.connections or refused:
        raise Failed(
            f"wrk had {answered} answers; the metrics say {posts} POSTs, {preflights} OPTIONS, {refused} refused"
        )
    if len({request.reports for request in load.requests}) == 1 and reports != posts * load.reports:
        raise Failed(f"the metrics say {reports} reports in {posts} POSTs")
    return posts


def _check_spool(spool: Path, posts: int) -> None:
    """What was answered 204 lies there, all of it and nothing else."""
    found = 0
    for path in (path for folder in spool.iterdir() if folder.is_dir() for path in segments(folder)):
        frames = split(path.read_bytes()[len(HEADER) :], final=True)
        found += len(frames.records)
        if frames.damaged:
            raise Failed(f"{path.name} is damaged")
    if found != posts:
        raise Failed(f"{posts} POSTs were answered 204, and the spool holds {found}")
