"""Section `processor`: `csp-sentinel process --drain` on one core, from the spool to chDB, every report counted.

What it takes to start and to see that the log is empty is measured on an empty log, and taken off.
"""

import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

from loadtest import spooled
from loadtest.bench import stored
from loadtest.bench.child import Usage, run
from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.bench.servers import PROGRAM
from loadtest.traffic import SHAPES, Totals, Traffic

BACKLOGS = (10_000, 100_000, 1_000_000)
_MIB = 1 << 20
_NAMES = {"different": "all different", "typical": "70% repeats", "burst": "90% repeats, nonces"}


@dataclass
class Drained:
    """One backlog stored. The seconds are without those of a start."""

    reports: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        return self.reports / self.wall_seconds

    @property
    def cpu_us(self) -> float:
        """A report."""
        return self.cpu_seconds / self.reports * 1e6


def processor(options: Options) -> list[Figure]:
    """Each kind of traffic in turn, and then backlogs of growing length."""
    found: dict[str, list[Drained]] = {shape: [] for shape in SHAPES}
    for number in range(options.rounds):
        for shape in SHAPES:
            done = drained(options, shape, options.reports)
            options.say(f"round {number + 1}, {_NAMES[shape]}: {done.rate:,.0f} reports/s, {done.cpu_us:.1f} µs of CPU")
            found[shape].append(done)
    figures = [figure for shape in SHAPES for figure in _figures(shape, found[shape])]
    return figures + _growth(options)


def drained(options: Options, shape: str, reports: int) -> Drained:
    """Raises Failed where the store does not hold exactly the traffic."""
    data_dir = options.folder / f"{shape}-{reports}"
    data_dir.mkdir()
    try:
        start = _drain(options, data_dir)  # makes the tables
        totals = _filled(options, data_dir, shape, reports)
        used = _drain(options, data_dir)
        stored.check(data_dir, totals)
    finally:
        shutil.rmtree(data_dir)
    return Drained(
        reports, used.wall_seconds - start.wall_seconds, used.cpu_seconds - start.cpu_seconds, used.peak_bytes
    )


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
        Figure(f"{key}.peak", f"processor, {name}: memory", "MiB", [done.peak_bytes / _MIB for done in rounds], "less"),
    ]


def _growth(options: Options) -> list[Figure]:
    """CPU time, because a short backlog's wall time is mostly waiting. All different: the million is in one window."""
    backlogs = BACKLOGS[:2] if options.quick else BACKLOGS
    costs: dict[int, float] = {}
    figures = []
    for reports in backlogs:
        times = max(1, min(5, 200_000 // reports))
        rounds = [drained(options, "different", reports) for _ in range(times)]
        costs[reports] = statistics.median(done.cpu_us for done in rounds)
        options.say(f"a backlog of {reports:,}: {costs[reports]:.1f} µs of CPU a report")
        name, key = f"backlog of {reports:,}", f"processor.backlog-{reports}"
        figures += [
            Figure(f"{key}.cpu", f"{name}: CPU", "µs/report", [done.cpu_us for done in rounds], "less"),
            Figure(f"{key}.peak", f"{name}: memory", "MiB", [done.peak_bytes / _MIB for done in rounds], "less"),
        ]
    spread = max(costs.values()) / min(costs.values()) - 1
    note = f"dearest against cheapest of {', '.join(f'{reports:,}' for reports in backlogs)} reports"
    return [
        *figures,
        Figure("processor.growth", "cost a report, spread over backlogs", "%", [spread * 100], "less", note),
    ]
