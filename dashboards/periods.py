"""The periods of the console's first page: what is shown when none is chosen, and the links to others.

None chosen is this week and the last, from a Monday. That is two weeks of the roll-ups (dashboards/relations.py): of 10
million rows of a month 0.8 million, where exactly 7 days would be 2.3 million of the windows.
"""

import time
from typing import NamedTuple

import msgspec

from dashboards import filters, texts
from dashboards.filters import Filters
from dashboards.links import Links
from dashboards.params import Parameters
from dashboards.times import window_at, written
from schema.violation import WINDOW_SECONDS

_WEEK = 7 * 86400
_MONDAY = 4 * 86400  # 1970-01-05
_LENGTHS = (("1 hour", 3600), ("24 hours", 86400), ("7 days", _WEEK), ("30 days", 30 * 86400))
EVER = written(0)  # as `from`


class Period(NamedTuple):
    """What is asked, the addresses from here, and the period in words."""

    asked: Filters
    links: Links
    words: str


def read(given: Parameters) -> Period:
    """Raises BadParameter."""
    asked = filters.read(given)
    since: dict[str, str] = {}
    if asked.start is None and asked.end is None:
        asked = msgspec.structs.replace(asked, start=_last_monday())
        since = {"from": written(asked.start or 0)}
    elif asked.start == 0:
        asked = msgspec.structs.replace(asked, start=None)
    return Period(asked, Links(given.given, since), _words(asked))


def links(its: Period) -> list[tuple[str, str, bool]]:
    """Words, address, whether it is this one."""
    now, asked = time.time(), its.asked
    found = []
    for words, length in _LENGTHS:
        start = window_at(now) + WINDOW_SECONDS - length
        chosen = asked.start == start and asked.end is None
        found.append((words, its.links.here(**{"from": written(start), "to": None}), chosen))
    chosen = asked.start == _last_monday() and asked.end is None
    found.insert(-1, ("2 weeks", its.links.here(**{"from": None, "to": None}), chosen))
    everything = asked.start is None and asked.end is None
    return [*found, ("all", its.links.here(**{"from": EVER, "to": None}), everything)]


def _last_monday() -> int:
    """Of the week before this one."""
    return (int(time.time()) - _MONDAY) // _WEEK * _WEEK + _MONDAY - _WEEK


def _words(asked: Filters) -> str:
    start, end = (None if second is None else texts.short(written(second)) for second in (asked.start, asked.end))
    if start and end:
        return f"{start} to {end} UTC"
    return f"since {start} UTC" if start else f"until {end} UTC" if end else "at any time"
