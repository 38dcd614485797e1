"""What `make bench` may be told, and the help that explains it."""

import argparse
from pathlib import Path

from loadtest.bench.sections import SECTIONS

RESULTS = Path("bench-results")
_ABOUT = """\
Measures Sentinel on this machine, pinned to cores, and says what came of it: a table here, results.json and charts in
bench-results. Progress goes to standard error. Sections that are measured again replace what that file has of them;
--show draws table and charts from it again. Ctrl-C ends it, and what was measured by then stays.

Everything takes some forty minutes on two cores, on a machine that does nothing else. A missing tool is named, and its
figures are left out."""
_SECTIONS = """\
sections (all, in this order, where none is named):
  collector     reports, arrays, preflights, new connections and the corpus, against nginx and go-csp-collector
  durability    memory, disk, and log (a real Kafka)
  latency       at 10, 50 and 80% of the maximum, open-loop, beside nginx
  processor     from the spool to the store: all different, typical, burst, browsers' traffic; the inserts alone;
                backlogs up to a million reports, and with the merges that come after them
  bytes         a report in the log and in the spool, a row in the store
  console       pages and API over ten million rows that stand for a hundred million reports
  instructions  of the hot path, counted by callgrind
  soak          memory while everything runs at half of what it can

examples:
  make bench BENCH='collector --rounds 5'
  make bench BENCH='processor --reports 50000 --rounds 1'
  make bench BENCH=--quick
  python -m loadtest --show"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m loadtest",
        description=_ABOUT,
        epilog=_SECTIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("sections", nargs="*", metavar="SECTION", help="what to measure; see below")
    made.add_argument("--rounds", type=count, metavar="N", help="how often each is measured, in turn [3; quick: 1]")
    made.add_argument("--seconds", type=count, metavar="N", help="of a run under load [6; quick: 2]")
    made.add_argument("--reports", type=count, metavar="N", help="of a run of the processor [200000; quick: 20000]")
    made.add_argument("--soak-minutes", type=_minutes, metavar="N", help="of the soak [10; quick: 0.5]")
    made.add_argument("--quick", action="store_true", help="a few minutes for all of it: to see that it runs")
    made.add_argument("--server-core", type=int, metavar="N", default=0, help="for what is measured [0]")
    made.add_argument("--client-core", type=int, metavar="N", default=1, help="for the load generator [1]")
    made.add_argument("--folder", type=Path, help="for spools and stores while it runs, some GB [a temporary one]")
    made.add_argument(
        "--results", type=Path, metavar="FOLDER", default=RESULTS, help=f"for what came of it [{RESULTS}]"
    )
    made.add_argument("--show", action="store_true", help="measure nothing, show what there is")
    return made


def read(arguments: list[str]) -> argparse.Namespace:
    """Ends the program on wrong use, with exit code 2."""
    made = parser()
    given = made.parse_args(arguments)
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        made.error(f"there is no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    defaults = (1, 2, 20_000, 0.5) if given.quick else (3, 6, 200_000, 10.0)
    for name, value in zip(("rounds", "seconds", "reports", "soak_minutes"), defaults, strict=True):
        if getattr(given, name) is None:
            setattr(given, name, value)
    given.sections = given.sections or list(SECTIONS)
    return given


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 10000000")
    return int(text)


def _minutes(text: str) -> float:
    if not (text.replace(".", "", 1).isdecimal() and 0.1 <= float(text) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0.1 to 10000")
    return float(text)
