"""The first page: what is new, whether it is real, how much, and against the period before."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

from clickhouse_connect.driver.client import Client

from dashboards import counts, ledger, periods, series, sources, violations
from dashboards.beside import Beside
from dashboards.chart import Chart
from dashboards.counts import Labels
from dashboards.filters import Filters
from dashboards.links import VIOLATIONS, Links
from dashboards.pages import charts
from dashboards.pages.frame import Asking, Page
from dashboards.pages.of_source import addresses
from dashboards.source_filters import Asked
from dashboards.times import window_at, written

_TOP = 8  # lines of a list of the biggest
_LISTED = 8  # violations, and new sources


class Figures(NamedTuple):
    """Of a period."""

    reports: int
    violations: int
    new_sources: int
    noisy: int  # reports


class Overview(NamedTuple):
    """All that overview.html shows."""

    links: Links
    period: str  # in words
    periods: list[tuple[str, str, bool]]
    sites: list[str]
    totals: dict[str, Any]
    figures: Figures
    before: Figures | None  # of as long a time just before
    labels: Labels
    chart: Chart | None
    sources: list[dict[str, Any]]  # new ones; each with the `address` of its violations, and where to `decide`
    sources_address: str
    hosts: list[dict[str, Any]]
    directives: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    ledger: dict[str, Any]


class _Half(NamedTuple):
    """What is asked beside the rest."""

    series: dict[str, Any]
    listed: list[dict[str, Any]]
    sites: list[str]
    before: Figures | None


def _page(its: Asking) -> Overview | str:
    period = periods.read(its.given, "/")
    if "sort" in its.given.given:  # an address of when the list was here
        return Links(VIOLATIONS, its.given.given).here()
    asked, client = period.asked, its.client
    beside = Beside(its.clients, lambda other: _half(other, asked))
    sums = ledger.sums(client, asked)
    shown = counts.directives(client, asked, sums, its.facts.lag(), _TOP)
    labels = counts.labels(client, asked)
    fresh = Asked(site=asked.site, directive=asked.directive, state="new", since=asked.start, noise="none")
    new = sources.listed(client, fresh, _LISTED, None)["items"]
    figures = Figures(shown.totals["reports"], shown.totals["violations"], _new_sources(client, asked), labels.noisy)
    hosts = counts.top(client, asked, "blocked_host", _TOP)["items"]
    half = beside.answer(client)
    return Overview(
        links=period.links,
        period=period.words,
        periods=periods.links(period),
        sites=half.sites,
        totals=shown.totals,
        figures=figures,
        before=half.before,
        labels=labels,
        chart=charts.by_directive(half.series, asked),
        sources=[item | addresses(item) for item in new],
        sources_address=_sources_address(asked),
        hosts=hosts,
        directives=shown.items,
        violations=half.listed,
        ledger=sums,
    )


def _half(client: Client, asked: Filters) -> _Half:
    drawn = series.over_time(client, asked, "directive", None)
    listed = violations.newest(client, asked, _LISTED)["items"]
    earlier = periods.before(asked)
    return _Half(drawn, listed, counts.sites(client), None if earlier is None else _figures(client, earlier))


def _figures(client: Client, asked: Filters) -> Figures:
    reports, different = counts.summed(client, asked)
    noisy = counts.labels(client, asked).noisy if reports else 0
    return Figures(reports, different, _new_sources(client, asked), noisy)


def _new_sources(client: Client, asked: Filters) -> int:
    return sources.count_new(client, asked.site, asked.start or 0, asked.end or window_at(2**32))


def _sources_address(asked: Filters) -> str:
    given = {"site": asked.site, "directive": asked.directive, "since": asked.start and written(asked.start)}
    chosen = {name: value for name, value in given.items() if value is not None}
    return f"/sources?{urlencode(chosen)}" if chosen else "/sources"


PAGE = Page("/", "overview.html", _page, ("sort",))
