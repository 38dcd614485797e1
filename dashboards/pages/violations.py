"""The list of violations: newest, biggest, or grouped."""

from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import counts, groups, ledger, periods, series, shares, violations
from dashboards.beside import Questions
from dashboards.chart import Chart
from dashboards.filters import Filters
from dashboards.links import Links
from dashboards.listed import SHOWN
from dashboards.pages import charts, paging
from dashboards.pages.frame import Asking, Page
from dashboards.pages.paging import Paged, Place

_LISTED = 25
_TOP = 8
SORTS = ("newest", "biggest", "grouped")


class Violations(NamedTuple):
    """All that violations.html shows."""

    links: Links
    period: str  # in words
    form: dict[str, str]  # the period, as the form has it
    periods: list[tuple[str, str, bool]]
    totals: dict[str, Any]
    chart: Chart | None
    directives: list[dict[str, Any]]
    listed: Paged  # violations, or groups
    sort: str
    sites: list[str]


def _page(its: Asking) -> Violations:
    period = periods.read(its.given, "/violations")
    asked = period.asked
    sort = its.given.one_of("sort", SORTS) or SORTS[0]
    place = paging.read(its.given)
    questions = Questions(its.clients)
    asked_shares = questions.put(lambda client: shares.of_directives(client, asked, _TOP))
    asked_list = questions.put(lambda client: _listed(client, asked, sort, place))
    asked_series = questions.put(lambda client: series.over_time(client, asked, "noise", None))
    asked_ledger = questions.put(lambda client: ledger.sums(client, asked))
    asked_sites = questions.put(counts.sites)
    questions.ask(its.client)
    shown = asked_shares.result()
    return Violations(
        links=period.links,
        period=period.words,
        form=period.form,
        periods=periods.links(period),
        totals=counts.answer(shown.counted, shown.violations, asked_ledger.result().sides, its.facts.lag()),
        chart=charts.by_noise(asked_series.result(), asked),
        directives=shown.directives,
        listed=paging.paged(asked_list.result(), place, period.links),
        sort=sort,
        sites=asked_sites.result(),
    )


def _listed(client: Client, asked: Filters, sort: str, place: Place) -> dict[str, Any]:
    if sort == "newest":
        return violations.newest(client, asked, _LISTED, paging.cursor(place, violations.NewestCursor), SHOWN)
    if sort == "grouped":
        return groups.biggest(client, asked, _LISTED, paging.cursor(place, groups.Cursor))
    return violations.biggest(client, asked, _LISTED, paging.cursor(place, violations.Cursor), SHOWN)


PAGE = Page("/violations", "violations.html", _page, ("sort", "cursor"))
