"""What `csp-sentinel plan` may be told: read before the command is, so without anything that takes long to import."""

import argparse
import math
from pathlib import Path

HELP = (
    "how many pods, partitions, brokers, cores and disks a load needs",
    "Says what a load needs, by what a report costs on this project's own machine, or on yours, beside the plan of\n"
    "others for 500,000 requests a second.\n\n"
    "--rps is the peak: POSTs with reports a second. Chromium's preflights, WebKit's new connections and the reports\n"
    "in arrays come on top, and are shown. --burst says how many times the usual rate that is: pods and partitions\n"
    "are for the peak; disks and money for a day with an hour of it, and the usual rate else.\n\n"
    "Where a figure is from stands in the notes below the table. Each can be replaced: --costs names a file like\n"
    '{"figures": {"utilisation": {"value": 0.5}}}; `make bench` writes what it has measured to\n'
    "bench-results/costs.json. With prices there (price_core, price_disk, price_traffic: a month of a core and of a\n"
    "GB on disk, and a GB of traffic) it says what it comes to.\n\n"
    "--simulate plays a bad hour, second by second, with pods that take their time to start: what is dropped, how\n"
    "long the lag lasts, and what must be there before so that nothing is dropped.",
    "csp-sentinel plan --rps 500000 --burst 10 --repeats 0.8\n"
    "  csp-sentinel plan --rps 500000 --simulate burst --chart burst.svg",
    (),
)
RPS = (50_000.0, 100_000.0, 500_000.0, 1_000_000.0)
SIMULATED_RPS = 500_000.0
SCENARIOS = ("burst", "failover", "kafka-outage", "clickhouse-outage")
_MOST = 1e9


def arguments(command: argparse.ArgumentParser) -> None:
    shown = " ".join(f"{rps:.0f}" for rps in RPS)
    command.add_argument("--rps", type=_rate, nargs="+", metavar="N",
                         help=f"POSTs a second at the peak; several are shown side by side [{shown}]")  # fmt: skip
    command.add_argument("--burst", type=_factor, default=10.0, metavar="FACTOR",
                         help="the peak over the usual rate; 1: all day at the peak [10]")  # fmt: skip
    command.add_argument("--repeats", type=_share, default=0.7, metavar="SHARE",
                         help="of the reports: those that repeat a violation of the same 10 minutes [0.7]")  # fmt: skip
    command.add_argument("--growth", type=_factor, default=2.0, metavar="FACTOR",
                         help="by which partitions are too many today: scaling adds none [2]")  # fmt: skip
    command.add_argument("--simulate", choices=SCENARIOS, help="play this instead of showing the plan")
    command.add_argument(
        "--costs", type=Path, metavar="FILE", help="figures that replace the measured and assumed ones"
    )
    command.add_argument("--json", action="store_true", help="as JSON instead of a table")
    command.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw it, too")


def _rate(text: str) -> float:
    return _number(text, "a rate is a number of POSTs a second, more than 0, like 500000", above=0, most=_MOST)


def _factor(text: str) -> float:
    return _number(text, "a factor is a number, 1 or more, like 10", least=1, most=1000)


def _share(text: str) -> float:
    return _number(text, "a share is a number from 0 to 1, like 0.8", least=0, most=1)


def _number(text: str, right: str, *, most: float, least: float = -math.inf, above: float = -math.inf) -> float:
    try:
        found = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        found = math.nan
    if not (least <= found <= most and found > above):  # false for what is no number
        raise argparse.ArgumentTypeError(f"{text!r}: {right}")
    return found
