"""`make capacity-check`: a real burst through collector, Kafka and processor, beside the simulation of it.

Two minutes. `python -m loadtest.capacity_check`; result and chart are bench-results/capacity-check.json and .svg.
Exit code 1 where it could not be measured, or something was dropped.
"""

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest.bench.arguments import RESULTS
from loadtest.bench.burst import BURST_SECONDS, Measured, burst
from loadtest.bench.child import Failed
from loadtest.bench.figures import rounded
from loadtest.bench.kafka import kafka_missing
from loadtest.bench.likeness import Compared, chart, compared, slowed
from loadtest.bench.machine import machine
from loadtest.bench.options import Options
from loadtest.capacity.costs import load

NAME = "capacity-check"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.capacity_check", description=__doc__)
    parser.add_argument("--results", type=Path, metavar="FOLDER", default=RESULTS, help=f"[{RESULTS}]")
    given = parser.parse_args(words)
    if why := kafka_missing():
        print(f"there is no Kafka to measure with: {why}", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="csp-sentinel-burst-"))
    try:
        found = burst(Options(folder))
    except Failed as error:
        print(f"it could not be measured: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(found, given.results)
    return 1 if found.wrong else 0


def show(found: Measured, results: Path) -> None:
    costs = load().costs
    lines = compared(found, costs)
    made = Table(title=_title(found), title_justify="left")
    for name in ("", "measured", "simulated", "error", "told its share", "error"):
        made.add_column(name, justify="left" if not name else "right")
    for line in lines:
        row = [f"{line.name} ({line.unit})", rounded(line.measured)]
        for simulated in (line.simulated, line.shared):
            row += [rounded(simulated), f"{line.error(simulated):+.0%}" if line.measured else ""]
        made.add_row(*row)
    Console(width=None if Console().is_terminal else 120).print(made)
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{NAME}.json").write_bytes(_json(found, lines))
    (results / f"{NAME}.svg").write_text(chart(found, costs, _title(found)))
    print(f"the processor: {found.process:,.0f} reports/s, and {found.batch:.2f} s a batch")
    print(f"it had {found.share:.0%} of its core before the burst, {found.share * slowed(found):.0%} in it")
    print(f"{results / NAME}.json and .svg: the same, and every moment")


def _title(found: Measured) -> str:
    usual, high = (step.result.asked_rate * found.per_post for step in found.steps[:2])
    return f"A burst from {usual:,.0f} to {high:,.0f} reports/s for {BURST_SECONDS:g} s"


def _json(found: Measured, lines: list[Compared]) -> bytes:
    kept = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "compared": lines,
        "slowed": slowed(found),
        "measured": found,
    }
    return msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
