"""A list in pages, by plain links: what is shown, and where it goes on."""

import re
from typing import Any, NamedTuple, TypeVar

from dashboards import cursors
from dashboards.links import Links
from dashboards.query_string import BadParameter, Parameters

_T = TypeVar("_T", bound=tuple[Any, ...])
_WRITTEN = re.compile(r"(\d{1,9})\.(.+)", re.ASCII)


class Place(NamedTuple):
    """Where a page begins: how many came before, and the cursor behind them."""

    before: int
    cursor: str | None


def read(given: Parameters) -> Place:
    """Of the parameter `cursor`: how many were shown before, a dot, and the list's own. Raises BadParameter."""
    text = given.text("cursor")
    if text is None:
        return Place(0, None)
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise BadParameter("cursor comes from a page's link to the next, unchanged.")
    return Place(int(found[1]), found[2])


def cursor(place: Place, kind: type[_T]) -> _T | None:
    """Raises BadParameter."""
    return None if place.cursor is None else cursors.read(place.cursor, kind)


class Paged(NamedTuple):
    """`first` and `last` count from 1; `start` and `next` are addresses, empty where there is nothing to go to."""

    items: list[dict[str, Any]]
    first: int
    last: int
    start: str
    next: str


def paged(found: dict[str, Any], place: Place, links: Links) -> Paged:
    """`found`: items and next, as the read API has them."""
    items, more = found["items"], found["next"]
    last = place.before + len(items)
    return Paged(
        items,
        place.before + 1,
        last,
        links.here() if place.cursor else "",
        links.next(f"{last}.{more}") if more else "",
    )
