"""The README's table of the console's pages: `python -m loadtest.bench.pages` writes its rows as last measured."""

import sys
from collections.abc import Iterator
from pathlib import Path

from loadtest.bench import results
from loadtest.bench.figures import Figure
from loadtest.bench.targets import TARGETS

COLUMNS = ("as opened", "one site", "one directive", "without noise", "a word")
NOT_ASKED = "–"  # noqa: RUF001  (a dash that is one)
_GOAL = TARGETS["console.page"]
_PAGES = {
    "/": "the first page",
    "/violations?sort=biggest": "`/violations`, biggest first",
    "/violations?sort=grouped": "`/violations`, grouped",
    "/violations/{fingerprint}": "one violation",
}


def rows(figures: list[Figure]) -> Iterator[str]:
    """A page each; bold is what is as quick as asked."""
    for figure in figures:
        path = figure.name.removesuffix(", p95")
        if figure.key.startswith("console.path.") and not path.startswith("/api/"):
            times = [figure.detail.get(column) for column in COLUMNS]
            slow = any(time is not None and not _GOAL.met(time) for time in times)
            asked = f"{_GOAL.value:g}{': not met' if slow else ''}"
            yield f"| {' | '.join([called(path), *map(_cell, times), asked])} |"


def called(path: str) -> str:
    return _PAGES.get(path, f"`{path}`")


def _cell(time: float | None) -> str:
    if time is None:
        return NOT_ASKED
    return f"**{time:.0f}**" if _GOAL.met(time) else f"{time:.0f}"


if __name__ == "__main__":
    kept = results.load(Path(*sys.argv[1:2] or ["bench-results"]))
    print("\n".join(rows(kept.figures(["console"]))))
