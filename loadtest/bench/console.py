"""Section `console`: how long pages and API take over 10 million rows of a month, and what these take on disk."""

import re
import shutil
from pathlib import Path

from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.bench.sizes import rows
from loadtest.console import ROUNDS, Timed, measure, p95
from schema.clickhouse import open_chdb

_ROWS = 10_000_000
_QUICK_ROWS = 200_000


def console(options: Options) -> list[Figure]:
    """The data set is 1 GB, and kept only while this runs."""
    data_dir = options.folder / "console"
    size = _QUICK_ROWS if options.quick else _ROWS
    options.say(f"filling a store with {size:,} rows")
    try:
        found = measure(data_dir, size, max(options.rounds, ROUNDS), quiet=not options.console.is_terminal)
        figures = [*summed(found), *_bytes(data_dir)]
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
    for figure in figures:
        options.say(f"{figure.name}: {figure.value:.0f} {figure.unit}")
    return figures


def summed(found: list[Timed]) -> list[Figure]:
    """By path, all its questions together; and the slowest single one of the pages and of the API."""
    by_path: dict[str, list[Timed]] = {}
    for one in found:
        by_path.setdefault(one.path, []).append(one)
    return [
        _slowest("page", "the slowest page as a person opens it", [one for one in found if one.page]),
        _slowest("api", "the slowest question to the API", [one for one in found if one.path.startswith("/api/")]),
        *(_path(path, its) for path, its in by_path.items()),
    ]


def _slowest(key: str, name: str, found: list[Timed]) -> Figure:
    worst = max(found, key=lambda one: one.p95)
    return Figure(f"console.{key}", f"{name}, p95", "ms", [worst.p95], "less", worst.name)


def _path(path: str, its: list[Timed]) -> Figure:
    """`detail` has each question of it."""
    key = re.sub(r"[^a-z_]+", "-", path).strip("-") or "overview"
    times = [time for one in its for time in one.rounds]
    detail = {one.filters: one.p95 for one in its}
    return Figure(f"console.path.{key}", f"{path}, p95", "ms", [p95(times)], "less", detail=detail)


def _bytes(data_dir: Path) -> list[Figure]:
    """After the store has merged what it wants to."""
    with open_chdb(data_dir / "store") as engine:
        return rows(engine.client(), "month", "", "")
