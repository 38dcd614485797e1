"""Sites: who reports how much, who fell silent, and what is set for each."""

import time
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import new_sources
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.links import Links
from dashboards.pages import paging
from dashboards.pages.frame import Asking, Page
from dashboards.pages.paging import Paged
from dashboards.query_string import BadParameter
from dashboards.source_filters import Asked
from dashboards.times import window_at, written
from schema.sites import Site, Sites
from schema.violation import WEEK_SECONDS

_LISTED = 20
_QUIET = 86400  # s without a report, after which a site that does report is called silent
_MOST = 10_000

# Hours are whole; who reports now is asked of the minutes, which are few there.
_HOURS = """
SELECT toString(site) AS label, toUnixTimestamp(max(hour)) AS latest,
    sumIf(reports, hour >= toDateTime({week:UInt32}, 'UTC')), sumIf(left_out, hour >= toDateTime({week:UInt32}, 'UTC')),
    sumIf(reports, noise != '' AND hour >= toDateTime({week:UInt32}, 'UTC'))
FROM hours
GROUP BY label
ORDER BY label
LIMIT {limit:UInt32}
"""
_MINUTES = """
SELECT toString(site), toUnixTimestamp(max(minute)) FROM minutes
WHERE minute >= toDateTime({since:UInt32}, 'UTC') GROUP BY site
"""


class SitesPage(NamedTuple):
    """All that sites.html shows."""

    listed: Paged
    configured: bool  # a sites file names them


def _page(its: Asking) -> SitesPage:
    now = int(time.time())
    sites = its.facts.sites()
    place = paging.read(its.given)
    if place.cursor not in {None, "on"}:
        raise BadParameter("cursor comes from a page's link to the next, unchanged.")
    known = _known(its.client, sites, now)
    shown = known[place.before : place.before + _LISTED]
    new = new_sources.by_site(its.client, Asked(noise="none"), (window_at(now - WEEK_SECONDS), now)) if shown else {}
    items = [item | _more(item["site"], sites) | {"new": new.get(item["site"], 0)} for item in shown]
    more = "on" if len(known) > place.before + _LISTED else None
    links = Links("/sites", its.given.given)
    return SitesPage(paging.paged({"items": items, "next": more}, place, links), sites.table is not None)


def _known(client: Client, sites: Sites, now: int) -> list[dict[str, Any]]:
    """Those that report or reported, and those that the sites file names."""
    week = window_at(now - WEEK_SECONDS) // 3600 * 3600
    recent = dict(ask(client, _MINUTES, since=now - 2 * 3600))
    found = dict.fromkeys(sites.table or {}, (0, Count(), 0))
    for label, latest, *counted, noisy in ask(client, _HOURS, week=week, limit=_MOST):
        found[label] = recent.get(label, latest), Count(*counted), noisy
    return [
        {
            "site": label,
            **counted.fields(),
            "noisy": noisy,
            "last": written(last) if last else "",
            "silent": bool(last) and now - last > _QUIET + 3600,
        }
        for label, (last, counted, noisy) in sorted(found.items())
    ]


def _more(label: str, sites: Sites) -> dict[str, Any]:
    """What the sites file says."""
    return {
        "settings": _settings(sites.get(label)),
        "known": sites.known(label),
        "signed": label in sites.signers,
    }


def _settings(site: Site) -> list[tuple[str, str]]:
    """What the sites file says, as it says it; never a key."""
    found = [
        ("hosts", ", ".join(site.hosts)),
        ("sample", "" if site.sample == 1 else f"{site.sample:g}"),
        ("rate_limit", "" if site.rate_limit is None else f"{site.rate_limit:g} a second"),
        ("burst", "" if site.burst is None else f"{site.burst:g}"),
        ("gone", "true" if site.gone else ""),
        ("keep_query", ", ".join(site.keep_query)),
        ("require_signature", site.require_signature),
        ("noise rules of its own", ", ".join(rule.id for rule in site.noise)),
        ("noise_off", ", ".join(site.noise_off)),
    ]
    return [(name, value) for name, value in found if value]


PAGE = Page("/sites", "sites.html", _page, ("cursor",), filtered=False)
