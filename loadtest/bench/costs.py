"""`bench-results/costs.json`: what was measured here, as `csp-sentinel plan --costs` reads it.

Only what the results have: all else stays as it comes with the program.
"""

from pathlib import Path

import msgspec

from loadtest.bench.figures import Figure
from loadtest.bench.requests import ENTRIES
from loadtest.bench.results import Results, Section
from loadtest.capacity import costs

FILE = "costs.json"
# The plan's figure, and that of the results which is it.
_SAME = {
    "collector_post": "collector.legacy.fast.cpu",
    "collector_preflight": "collector.preflight.fast.cpu",
    "processor_different": "processor.different.cpu",
    "processor_typical": "processor.typical.cpu",
    "processor_burst": "processor.burst.cpu",
    "store_row": "processor.insert.cpu",
    "log_bytes": "bytes.log.typical",
    "spool_bytes": "bytes.spool.typical",
    "row_bytes": "bytes.store.different.merged",
}
_POST, _ARRAY, _CONNECTION = (f"collector.{load}.fast.cpu" for load in ("legacy", "array", "connection"))
_SHIPPING = "durability.shipping"
_WHAT = {"log_bytes": "as a backlog is shipped"}  # where the plan has others like it


def write(results: Results, folder: Path) -> Path | None:
    """None where nothing of it was measured."""
    figures = found(results)
    if not figures:
        return None
    file = folder / FILE
    file.write_bytes(msgspec.json.format(msgspec.json.encode({"figures": figures}), indent=1) + b"\n")
    return file


def found(results: Results) -> dict[str, costs.Figure]:
    values, sections = _values(results)
    known = costs.load().figures
    made = {name: (values[key], key) for name, key in _SAME.items() if key in values}
    if _POST in values:
        post = values[_POST]
        if _ARRAY in values:
            made["collector_array_report"] = ((values[_ARRAY] - post) / (ENTRIES - 1), _ARRAY)
        if _CONNECTION in values:
            made["collector_connection"] = (values[_CONNECTION] - post, _CONNECTION)
        if _SHIPPING in values:
            made["collector_ship"] = ((values[_SHIPPING] - 1) * post, _SHIPPING)
    # A difference of two noisy figures may come out below nothing: then it says nothing.
    return {
        name: costs.Figure(value, known[name].unit, sections[key].date[:10], _where(name, sections[key]), key)
        for name, (value, key) in made.items()
        if value > 0
    }


def _values(results: Results) -> tuple[dict[str, float], dict[str, Section]]:
    values, sections = {}, {}
    for section in results.sections.values():
        for kept in section.figures:
            figure: Figure = kept.figure
            if figure.value is not None:
                values[figure.key], sections[figure.key] = figure.value, section
    return values, sections


def _where(name: str, section: Section) -> str:
    return "; ".join(filter(None, (_machine(section), _WHAT.get(name))))


def _machine(section: Section) -> str:
    its = section.machine
    return f"one of {its.get('cores', '?')} cores, {its.get('processor', '?')}, Python {its.get('python', '?')}"
