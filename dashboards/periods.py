"""The periods of the console's pages: what is shown when none is chosen, and the links to others.

None chosen is this week and the last, from a Monday. That is two weeks of the roll-ups (dashboards/relations.py): of 10
million rows of a month 0.8 million, where exactly 7 days would be 2.3 million of the windows.
"""

import re
import time
from typing import NamedTuple

import msgspec

from dashboards import filters, texts
from dashboards.filters import Filters
from dashboards.links import Links
from dashboards.query_string import Parameters
from dashboards.times import week_of, window_at, written
from schema.violation import WEEK_SECONDS, WINDOW_SECONDS

LENGTHS = (("1 hour", 3600), ("24 hours", 86400), ("7 days", WEEK_SECONDS), ("30 days", 30 * 86400))
EVER = written(0)  # as `from`
# What <input type=datetime-local> sends; the pages say that it is UTC.
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?", re.ASCII)


class Period(NamedTuple):
    """What is asked, the addresses from here, the period in words, and as a form has it."""

    asked: Filters
    links: Links
    words: str
    form: dict[str, str]


def read(given: Parameters, path: str) -> Period:
    """Of the page at `path`. Raises BadParameter."""
    for name in ("from", "to"):
        _as_a_form_sends_it(given.given, name)
    asked = filters.read(given)
    since: dict[str, str] = {}
    if asked.start is None and asked.end is None:
        asked = msgspec.structs.replace(asked, start=last_monday())
        since = {"from": written(asked.start or 0)}
    elif asked.start == 0:
        asked = msgspec.structs.replace(asked, start=None)
    form = {name: written(second)[:16] for name, second in (("from", asked.start), ("to", asked.end)) if second}
    return Period(asked, Links(path, given.given, since), _words(asked), form)


def _as_a_form_sends_it(given: dict[str, str], name: str) -> None:
    value = given.get(name)
    if value == "":
        del given[name]
    elif value and _LOCAL.fullmatch(value):
        given[name] = f"{value}Z" if len(value) > len("2026-11-22T09:30") else f"{value}:00Z"


def links(its: Period) -> list[tuple[str, str, bool]]:
    """Words, address, whether it is this one."""
    now, asked = time.time(), its.asked
    found = []
    for words, length in LENGTHS:
        start = window_at(now) + WINDOW_SECONDS - length
        chosen = asked.start == start and asked.end is None
        found.append((words, its.links.here(**{"from": written(start), "to": None}), chosen))
    chosen = asked.start == last_monday() and asked.end is None
    found.insert(-1, ("2 weeks", its.links.here(**{"from": None, "to": None}), chosen))
    everything = asked.start is None and asked.end is None
    return [*found, ("all", its.links.here(**{"from": EVER, "to": None}), everything)]


class Before(NamedTuple):
    """What a period stands against, and its words."""

    asked: Filters
    words: str


def before(asked: Filters) -> Before | None:
    """The same hours and days of last week, or of as many weeks before as the period is long.

    So a Monday's morning stands against a Monday's morning. None where it began at no certain time.
    """
    if asked.start is None:
        return None
    end = asked.end or window_at(time.time()) + WINDOW_SECONDS
    weeks = max(1, -(-(end - asked.start) // WEEK_SECONDS))
    start, end = (max(0, second - weeks * WEEK_SECONDS) for second in (asked.start, end))
    ago = "a week" if weeks == 1 else f"{weeks} weeks"
    return Before(msgspec.structs.replace(asked, start=start, end=end), f"the same time {ago} before")


def last_monday() -> int:
    """Of the week before this one."""
    return week_of(time.time()) - WEEK_SECONDS


def _words(asked: Filters) -> str:
    start, end = (None if second is None else texts.short(written(second)) for second in (asked.start, asked.end))
    if start and end:
        return f"{start} to {end} UTC"
    return f"since {start} UTC" if start else f"until {end} UTC" if end else "at any time"
