"""What was blocked, by whom it was decided upon, and what is still new."""

import time
from typing import NamedTuple

from dashboards import counts, filters, periods, sources, times
from dashboards.links import Links
from dashboards.pages import paging
from dashboards.pages.frame import Asking, Page
from dashboards.pages.of_source import addresses
from dashboards.pages.paging import Paged
from dashboards.query_string import Parameters
from dashboards.source_filters import Asked
from dashboards.times import window_at, written
from schema.source_states import STATES
from schema.violation import LEAST_TRUST

_LISTED = 25
_STATES = (*STATES, "all")
_UNFORMED = ("blocked_host", "blocked_kind", "since", "until")
_OWN = ("site", "directive", "q", "blocked_host", "blocked_kind", "state", "trust", "since", "until", "noise", "cursor")


class Sources(NamedTuple):
    """All that sources.html shows."""

    links: Links
    state: str
    tabs: list[tuple[str, str, bool]]  # words, address, whether it is this one
    periods: list[tuple[str, str, bool]]
    chosen: dict[str, str]  # filters that have no field in the form
    listed: Paged
    sites: list[str]
    least: int  # trust
    trusted: int  # what counts as trusted
    noise: str
    back: str  # the address of this page, for the form


def _page(its: Asking) -> Sources:
    given = its.given
    state = given.one_of("state", _STATES) or _STATES[0]
    noise = given.one_of("noise", filters.NOISES) or "none"
    asked = _asked(given, state, noise)
    links = Links("/sources", given.given, unsaid={"noise": "none", "state": "new"})
    place = paging.read(given)
    found = sources.listed(its.client, asked, _LISTED, paging.cursor(place, sources.Cursor))
    return Sources(
        links=links,
        state=state,
        tabs=[(words, links.here(state=words), words == state) for words in _STATES],
        periods=_periods(links, asked),
        chosen={name: links.given[name] for name in _UNFORMED if name in links.given},
        listed=paging.paged(found | {"items": [item | addresses(item) for item in found["items"]]}, place, links),
        sites=counts.sites(its.client),
        least=asked.least,
        trusted=LEAST_TRUST,
        noise=noise,
        back=links.alive(live="live" in given.given),
    )


def _asked(given: Parameters, state: str, noise: str) -> Asked:
    """Raises BadParameter."""
    for name in ("directive", "trust", "since", "until"):
        if given.given.get(name) == "":
            del given.given[name]  # a form's choice of any
    chosen = filters.read(given)
    since, until = (given.text(name) for name in ("since", "until"))
    return Asked(
        site=chosen.site,
        directive=chosen.directive,
        blocked_words=chosen.words,
        blocked_host=chosen.blocked_host,
        blocked_kind=chosen.blocked_kind,
        state="" if state == "all" else state,
        least=given.whole("trust", 0, 100) or 0,
        since=None if since is None else times.second_of(times.read("since", since)),
        until=None if until is None else times.second_of(times.read("until", until)),
        noise=noise,
    )


def _periods(links: Links, asked: Asked) -> list[tuple[str, str, bool]]:
    now = window_at(time.time())
    since = None if asked.until else asked.since
    found: list[tuple[str, str, bool]] = []
    for words, length in periods.LENGTHS:
        found.append((words, links.here(since=written(now - length), until=None), since == now - length))
    return [*found, ("any time", links.here(since=None, until=None), not (asked.since or asked.until))]


PAGE = Page("/sources", "sources.html", _page, _OWN, filtered=False)
