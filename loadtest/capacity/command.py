"""`csp-sentinel plan`: a table, JSON or a chart of the plans, or of a simulation."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from loadtest.capacity import charts, tables
from loadtest.capacity.answers import Answer, Run, answer
from loadtest.capacity.arguments import RPS, SIMULATED_RPS
from loadtest.capacity.costs import Table, load
from loadtest.capacity.demand import Demand
from loadtest.capacity.notes import notes
from loadtest.capacity.plan import plan
from loadtest.capacity.reference import REFERENCE

_SERIES = 600  # moments of a simulation in its JSON, at most


class WrongUse(Exception):
    """Says what would be right."""


class Unwritable(Exception):
    """The chart's file."""


def run(given: argparse.Namespace) -> None:
    """Raises BadCosts, WrongUse, Unwritable."""
    table = load(given.costs)
    if given.simulate:
        _simulate(given, table)
    else:
        _plan(given, table)


def _plan(given: argparse.Namespace, table: Table) -> None:
    costs = table.costs
    demands = [Demand(rps, given.burst, given.repeats, given.growth) for rps in given.rps or RPS]
    plans = [plan(demand, costs) for demand in demands]
    said = notes(table, demands[0])
    if given.json:
        reference = REFERENCE._asdict()
        _print_json({"plans": plans, "reference": reference, "notes": said, "figures": table.figures})
    else:
        console = _console()
        console.print(tables.plans(plans))
        _print_notes(console, said)
    if given.chart:
        _write(given.chart, charts.plans(plans))


def _simulate(given: argparse.Namespace, table: Table) -> None:
    rates = given.rps or [SIMULATED_RPS]
    if len(rates) > 1:
        raise WrongUse("--simulate plays one load: give --rps one number")
    demand = Demand(rates[0], given.burst, given.repeats, given.growth)
    found = answer(given.simulate, demand, table.costs)
    if given.json:
        _print_json({"demand": demand, **_simulated(found), "figures": table.figures})
    else:
        console = _console()
        console.print(tables.answered(found))
        _print_notes(console, tables.told(found, table.costs))
    if given.chart:
        _write(given.chart, charts.answered(found, table.costs))


def _simulated(found: Answer) -> dict[str, Any]:
    planned, solved = _thinned(found.planned), _thinned(found.solved)
    return {"scenario": found.scenario, "about": found.about, "planned": planned, "solved": solved}


def _thinned(found: Run) -> Run:
    step = -(-len(found.moments) // _SERIES)
    return msgspec.structs.replace(found, moments=found.moments[::step])


def _console() -> Console:
    """As wide as the terminal; into a file wide enough for four plans."""
    return Console(width=None if Console().is_terminal else 140, highlight=False)


def _print_notes(console: Console, said: list[str]) -> None:
    for note in said:
        console.print(f"- {note}", markup=False, soft_wrap=not console.is_terminal)


def _print_json(found: dict[str, Any]) -> None:
    print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Unwritable(f"the chart can't be written to {path}: {(error.strerror or str(error)).lower()}") from None
