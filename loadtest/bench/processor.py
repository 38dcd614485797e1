"""Section `processor`: `csp-sentinel process --drain` on one core, from the spool to chDB, every report counted.

What it takes to start and to see that the log is empty is measured on an empty log, and taken off.
"""

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from loadtest import spooled
from loadtest.bench import proc, stored
from loadtest.bench.child import Child, Failed, Usage, run
from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.bench.servers import PROGRAM
from loadtest.traffic.model import Totals, Traffic

BACKLOGS = (10_000, 100_000, 1_000_000)
QUICK_BACKLOGS = (2_000, 20_000, 100_000)
_LONG = 1_000_000
_QUIET_SECONDS, _QUIET = 20, 1.0  # with less CPU in all, in s, nothing is merged any more
_MERGED_SECONDS = 600.0
_NAMES = {
    "different": "all different",
    "typical": "70% repeats",
    "burst": "90% repeats, nonces",
    "learned": "browsers' traffic",
}


@dataclass
class Drained:
    """One backlog stored; and a run on an empty log, with the same data dir."""

    reports: int
    start: Usage
    used: Usage

    @property
    def rate(self) -> float:
        return self.reports / (self.used.wall_seconds - self.start.wall_seconds)

    @property
    def cpu_us(self) -> float:
        """A report."""
        return (self.used.cpu_seconds - self.start.cpu_seconds) / self.reports * 1e6

    @property
    def peak_mib(self) -> float:
        return self.used.peak_bytes / (1 << 20)


def processor(options: Options) -> list[Figure]:
    """Each kind of traffic in turn, and then backlogs of growing length."""
    found: dict[str, list[Drained]] = {shape: [] for shape in _NAMES}
    for number in range(options.rounds):
        for shape, name in _NAMES.items():
            done = drained(options, shape, options.reports)
            options.say(f"round {number + 1}, {name}: {done.rate:,.0f} reports/s, {done.cpu_us:.1f} µs of CPU")
            found[shape].append(done)
    start = _shortest([done for rounds in found.values() for done in rounds])
    figures = []
    for shape, rounds in found.items():
        figures += _figures(shape, [replace(done, start=start) for done in rounds])
    return [*figures, _inserting(options), *_growth(options), *_merging(options)]


def _shortest(found: list[Drained]) -> Usage:
    """A start is the same every time, but for what else the machine does meanwhile."""
    starts = [done.start for done in found]
    wall, cpu = min(start.wall_seconds for start in starts), min(start.cpu_seconds for start in starts)
    return starts[0]._replace(wall_seconds=wall, cpu_seconds=cpu)


def drained(
    options: Options, shape: str, reports: int, store: Callable[[Options, Path], Usage] | None = None
) -> Drained:
    """`store`: by a drain if not said otherwise. Raises Failed where the store does not hold exactly the traffic."""
    data_dir = options.folder / f"{shape}-{reports}"
    data_dir.mkdir()
    try:
        start = _drain(options, data_dir)  # makes the tables
        totals = _filled(options, data_dir, shape, reports)
        used = (store or _drain)(options, data_dir)
        stored.check(data_dir, totals)
    finally:
        shutil.rmtree(data_dir)
    return Drained(reports, start, used)


def _drain(options: Options, data_dir: Path) -> Usage:
    command = (PROGRAM, "process", "--drain", "--data-dir", data_dir)
    return run(command, data_dir / "processor.log", options.server_core)


def _filled(options: Options, data_dir: Path, shape: str, reports: int) -> Totals:
    with options.progress(f"writing {reports:,} reports to the spool", reports) as advance:
        return spooled.write(Traffic(shape, reports), data_dir, advance)


def _figures(shape: str, rounds: list[Drained]) -> list[Figure]:
    name, key = _NAMES[shape], f"processor.{shape}"
    return [
        Figure(f"{key}.rate", f"processor, {name}", "reports/s", [done.rate for done in rounds], "more"),
        Figure(f"{key}.cpu", f"processor, {name}: CPU", "µs/report", [done.cpu_us for done in rounds], "less"),
        Figure(f"{key}.peak", f"processor, {name}: memory", "MiB", [done.peak_mib for done in rounds], "less"),
    ]


def _inserting(options: Options) -> Figure:
    """The store's part alone: what a ClickHouse server would have to do."""
    costs = []
    for number in range(options.rounds):
        log, store = options.folder / f"inserts-{number}.log", options.folder / f"inserts-{number}"
        run([sys.executable, "-m", "loadtest.inserts", store, str(options.reports)], log, options.server_core)
        said = json.loads(log.read_text())
        costs.append(said["cpu_seconds"] / said["rows"] * 1e6)
        shutil.rmtree(store)
    options.say(f"inserting a row: {statistics.median(costs):.1f} µs of CPU")
    return Figure("processor.insert.cpu", "store, inserting a row: CPU", "µs/row", costs, "less")


def _growth(options: Options) -> list[Figure]:
    """What the reports between one backlog and the next cost: a start is as long as 10,000 reports, and falls out so.

    CPU time, because little of a short backlog's wall time is work. All different: the longest is in one window.
    """
    backlogs = QUICK_BACKLOGS if options.quick else BACKLOGS
    rounds = {reports: _rounds(options, reports) for reports in backlogs}
    figures = [
        Figure(f"processor.backlog-{reports}.peak", f"backlog of {reports:,}: memory", "MiB",
               [one.peak_mib for one in done], "less")
        for reports, done in rounds.items()
    ]  # fmt: skip
    costs = []
    for fewer, more in pairwise(backlogs):
        few, many = (statistics.median(one.used.cpu_seconds for one in rounds[reports]) for reports in (fewer, more))
        costs.append((many - few) / (more - fewer) * 1e6)
        name = f"reports {fewer:,} to {more:,} of a backlog: CPU"
        figures.append(Figure(f"processor.backlog-{more}.cpu", name, "µs/report", costs[-1:], "less"))
    grown = (costs[-1] / costs[0] - 1) * 100
    note = f"of a report among the last of {backlogs[-1]:,}, over one among the first {backlogs[1]:,}"
    return [*figures, Figure("processor.growth", "growth of a report's cost", "%", [grown], "less", note)]


def _rounds(options: Options, reports: int) -> list[Drained]:
    """More of a short one."""
    done = [drained(options, "different", reports) for _ in range(3 if reports < _LONG else 1)]
    options.say(f"a backlog of {reports:,}: {statistics.median(one.used.cpu_seconds for one in done):.2f} s of CPU")
    return done


def _merging(options: Options) -> list[Figure]:
    """Merges wait while there is a backlog: with those that come afterwards."""
    reports = (QUICK_BACKLOGS if options.quick else BACKLOGS)[-1]
    done = drained(options, "different", reports, _merge)
    options.say(f"a backlog of {reports:,}, and all merged: {done.used.cpu_seconds:.2f} s of CPU")
    name = f"backlog of {reports:,}, and its merges"
    return [
        Figure("processor.merged.cpu", f"{name}: CPU", "µs/report", [done.cpu_us], "less"),
        Figure("processor.merged.peak", f"{name}: memory", "MiB", [done.peak_mib], "less"),
    ]


def _merge(options: Options, data_dir: Path) -> Usage:
    """By a processor that goes on running until it rests."""
    command = (PROGRAM, "process", "--data-dir", data_dir, "--ops-port", "0")
    with Child(command, data_dir / "processor.log", options.server_core) as child:
        cpu_seconds = _until_quiet(child)
        return child.stop()._replace(cpu_seconds=cpu_seconds)


def _until_quiet(child: Child) -> float:
    """Seconds of CPU, those that it rests not counted. Raises Failed where it ends, or never rests."""
    ends = time.monotonic() + _MERGED_SECONDS
    used = [0.0]  # each second
    while len(used) <= _QUIET_SECONDS or used[-1] - used[-1 - _QUIET_SECONDS] > _QUIET:
        if not child.running():
            raise Failed(f"the processor ended: {child.words()}")
        if time.monotonic() > ends:
            raise Failed(f"the processor did not come to rest: {child.words()}")
        time.sleep(1)
        used.append(proc.cpu_seconds(child.pid))
    return used[-1 - _QUIET_SECONDS]
