"""The first page: what is new, whether it is real, how much, and against the same time of last week."""

import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

from clickhouse_connect.driver.client import Client

from dashboards import counts, ledger, listed, new_sources, periods, rate, series, shares, source_filters, violations
from dashboards.beside import Questions
from dashboards.chart import Chart
from dashboards.estimates import Count
from dashboards.filters import Filters
from dashboards.links import VIOLATIONS, Links
from dashboards.pages import charts
from dashboards.pages.frame import Asking, Page
from dashboards.pages.of_source import addresses
from dashboards.query_string import BadParameter
from dashboards.rate import Rate
from dashboards.source_filters import Asked
from dashboards.times import LAST_WINDOW, written

_TOP = 8  # lines of a list of the biggest
_LISTED = 8  # violations, and new sources


class Figures(NamedTuple):
    """Of a period."""

    counted: Count
    violations: int
    new_sources: int | None  # None: not counted with these filters
    noisy: Count


class Overview(NamedTuple):
    """All that overview.html shows."""

    links: Links
    period: str  # in words
    against: str  # what it is compared with, in words; empty: nothing
    periods: list[tuple[str, str, bool]]
    sites: list[str]
    totals: dict[str, Any]
    rate: Rate | None
    hourly: bool  # the rate is of the last hour, not of the period
    figures: Figures
    before: Figures | None
    noise: list[
        dict[str, Any]
    ]  # each with `key`, its count, and `before`, a Count, as those of verdicts and directives
    verdicts: list[dict[str, Any]]
    chart: Chart | None
    sources: list[dict[str, Any]]  # new ones; each with the `address` of its violations, and where to `decide`
    sources_address: str  # of the list; empty where they are not counted
    hosts: list[dict[str, Any]]
    directives: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    ledger: dict[str, Any]


class _New(NamedTuple):
    """Sources to decide upon: the newest, and how many were first seen in the period and before."""

    sources: list[dict[str, Any]]
    address: str  # of the list
    now: int | None
    before: int | None


_NOT_COUNTED = _New([], "", None, None)


class _Before(NamedTuple):
    reports: shares.Reports
    violations: int


def _page(its: Asking) -> Overview | str:
    period = periods.read(its.given, "/")
    if "sort" in its.given.given:  # an address of when the list was here
        return Links(VIOLATIONS, its.given.given).here()
    asked = period.asked
    against = periods.before(asked)
    before = against and against.asked
    questions = Questions(its.clients)  # the long ones first
    asked_now = questions.put(lambda client: shares.with_hosts(client, asked, _TOP))
    asked_new = questions.put(lambda client: _new(client, asked, before))
    asked_different = questions.put(lambda client: counts.different(client, before) if before else 0)
    asked_newest = questions.put(lambda client: violations.newest(client, asked, _LISTED, None, listed.SHOWN)["items"])
    asked_before = questions.put(lambda client: shares.reports(client, before) if before else None)
    asked_chart = questions.put(lambda client: _chart(client, asked))
    asked_rate = questions.put(lambda client: None if asked.end else rate.of_last_hour(client, asked, time.time()))
    asked_ledger = questions.put(lambda client: ledger.sums(client, asked))
    asked_sites = questions.put(counts.sites)
    questions.ask(its.client)
    now, new, of_last_hour, sums = asked_now.result(), asked_new.result(), asked_rate.result(), asked_ledger.result()
    reports = asked_before.result()
    then = reports and _Before(reports, asked_different.result())
    return Overview(
        links=period.links,
        period=period.words,
        against=against.words if against else "",
        periods=periods.links(period),
        sites=asked_sites.result(),
        totals=counts.answer(now.counted, now.violations, sums.sides, its.facts.lag()),
        rate=of_last_hour or rate.of_period(asked, now.counted, then.reports.counted if then else None),
        hourly=of_last_hour is not None,
        figures=Figures(now.counted, now.violations, new.now, now.labels.noisy),
        before=then and Figures(then.reports.counted, then.violations, new.before, then.reports.labels.noisy),
        noise=_compared(now.labels.noise, then.reports.labels.noise if then else None),
        verdicts=_compared(now.labels.verdicts, then.reports.labels.verdicts if then else None),
        chart=asked_chart.result(),
        sources=[item | addresses(item) for item in new.sources],
        sources_address=new.address,
        hosts=now.hosts,
        directives=_with_before(now.directives, then),
        violations=asked_newest.result(),
        ledger=sums.sides | sums.sampled,
    )


def _chart(client: Client, asked: Filters) -> Chart | None:
    """None where clients have made up more directives than can be drawn; the figures still tell of them."""
    try:
        return charts.by_directive(series.over_time(client, asked, "directive", None), asked)
    except BadParameter:
        return None


def _compared(now: dict[str, Count], then: dict[str, Count] | None) -> list[dict[str, Any]]:
    """What was there before only is there too."""
    keys = (*now, *(key for key in then or {} if key not in now))
    return [
        {"key": key, **now.get(key, _NONE).fields(), "before": then.get(key, _NONE) if then is not None else None}
        for key in keys
    ]


_NONE = Count()


def _with_before(items: list[dict[str, Any]], then: _Before | None) -> list[dict[str, Any]]:
    known = dict(then.reports.directives) if then else {}
    return [item | {"before": known.get(item["key"], _NONE) if then else None} for item in items]


def _new(client: Client, asked: Filters, before: Filters | None) -> _New:
    """Not where the filters are of what sources don't know."""
    if not source_filters.but_for_period(asked):
        return _NOT_COUNTED
    noise = "none" if asked.noise == "all" else asked.noise
    fresh = source_filters.asked(asked, "new", 0)._replace(since=asked.start, until=asked.end, noise=noise)
    times = [(one.start or 0, LAST_WINDOW if one.end is None else one.end)
             for one in (asked, before) if one]  # fmt: skip
    found, (now, *then) = new_sources.first(client, fresh, _LISTED, *times)
    return _New(found, _sources_address(fresh), now, then[0] if then else None)


def _sources_address(fresh: Asked) -> str:
    given = {
        "site": fresh.site, "directive": fresh.directive, "blocked_host": fresh.blocked_host,
        "blocked_kind": fresh.blocked_kind, "noise": None if fresh.noise == "none" else fresh.noise,
        "since": fresh.since and written(fresh.since), "until": fresh.until and written(fresh.until),
    }  # fmt: skip
    chosen = {name: value for name, value in given.items() if value is not None}
    return f"/sources?{urlencode(chosen)}" if chosen else "/sources"


PAGE = Page("/", "overview.html", _page, ("sort",))
