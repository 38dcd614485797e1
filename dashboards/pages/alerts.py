"""Alerts: what was found new, with what became of the messages about it."""

from typing import NamedTuple

from dashboards import alerts, counts
from dashboards.links import Links
from dashboards.pages import paging
from dashboards.pages.frame import Asking, Page
from dashboards.pages.paging import Paged

_LISTED = 20


class Alerts(NamedTuple):
    """All that alerts.html shows."""

    links: Links
    listed: Paged
    kinds: tuple[str, ...]
    kind: str
    sites: list[str]


def _page(its: Asking) -> Alerts:
    place = paging.read(its.given)
    kind, site = alerts.chosen(its.given)
    found = alerts.newest(its.client, kind, site, _LISTED, paging.cursor(place, alerts.Cursor))
    links = Links("/alerts", its.given.given)
    return Alerts(links, paging.paged(found, place, links), alerts.KINDS, kind, counts.sites(its.client))


PAGE = Page("/alerts", "alerts.html", _page, ("site", "kind", "cursor"), filtered=False)
