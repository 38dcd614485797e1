"""The console's pages: what each shows is declared here, how it looks is in templates/."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jinja2
from clickhouse_connect.driver.client import Client
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dashboards import alerts, chart, counts, filters, groups, ledger, periods, rejects, series, texts, violations
from dashboards.access.visitor import visitor_of
from dashboards.api import Lag, found
from dashboards.beside import Beside
from dashboards.chart import Chart
from dashboards.clients import Clients
from dashboards.filters import Filters
from dashboards.links import Links
from dashboards.noise import RuleOf
from dashboards.params import Parameters
from dashboards.problems import Problem
from dashboards.rows import FIELDS
from dashboards.times import seconds, written
from schema.noise import Rule

_HERE = Path(__file__).parent
_TOP = 8  # lines of a list of the biggest
_LISTED = 20  # violations
_REJECTS = 5
SORTS = ("newest", "biggest", "grouped")


class Overview(NamedTuple):
    """All that overview.html shows."""

    links: Links
    period: str  # in words
    totals: dict[str, Any]
    ledger: dict[str, Any]
    rejects: list[dict[str, Any]]
    chart: Chart | None
    hosts: list[dict[str, Any]]
    directives: list[dict[str, Any]]
    violations: list[dict[str, Any]]  # or groups, where `sort` says so
    sort: str
    sites: list[str]
    periods: list[tuple[str, str, bool]]  # words, address, whether it is this one


class OneViolation(NamedTuple):
    """All that violation.html shows."""

    links: Links
    violation: dict[str, Any]
    fields: tuple[str, ...]
    chart: Chart | None
    rule: Rule | None  # by which it is noise


class Pages:
    def __init__(self, clients: Clients, lag: Lag, rule_of: RuleOf) -> None:
        self._clients = clients
        self._lag = lag
        self._rule_of = rule_of
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for shown in (texts.plain, texts.lines, texts.brief, texts.number, texts.moment, texts.short, texts.span,
                      texts.directives, written):  # fmt: skip
            self._templates.filters[shown.__name__] = shown

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self._page("overview.html", self._overview, "sort"), methods=["GET"]),
            Route("/violations/{fingerprint}", self._page("violation.html", self._violation), methods=["GET"]),
            Route("/alerts", self._alerts, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]

    def problem(self, problem: Problem) -> Response:
        answer = self.page("problem.html", problem.status, problem=problem)
        answer.headers.update(problem.headers)
        return answer

    def page(self, template: str, status: int, **shown: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(shown), status)

    def _page(
        self, template: str, ask: Callable[[Client, Request, Parameters], NamedTuple], *own: str
    ) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            given = Parameters(request.scope["query_string"], (*filters.NAMES, *own))
            with self._clients.lend() as client:
                shown = ask(client, request, given)
            return self.page(template, 200, visitor=visitor_of(request), **shown._asdict())

        return endpoint

    def _alerts(self, request: Request) -> Response:
        given = Parameters(request.scope["query_string"], alerts.PARAMETERS)
        asked = alerts.read(given)
        with self._clients.lend() as client:
            found = alerts.newest(client, asked)
        kept = {name: value for name, value in given.given.items() if name != "cursor"}
        more = f"/alerts?{urlencode(kept | {'cursor': found['next']})}" if found["next"] else ""
        shown = {"items": found["items"], "more": more, "kinds": alerts.KINDS, "kind": asked.kind, "site": asked.site}
        return self.page("alerts.html", 200, visitor=visitor_of(request), **shown)

    def _overview(self, client: Client, _request: Request, given: Parameters) -> Overview:
        period = periods.read(given)
        asked = period.asked
        sort = given.one_of("sort", SORTS) or SORTS[0]
        beside = Beside(self._clients, lambda other: _beside(other, asked, sort))
        sums = ledger.sums(client, asked)
        shown = counts.directives(client, asked, sums, self._lag(), _TOP)
        hosts = counts.top(client, asked, "blocked_host", _TOP)["items"]
        refused = rejects.newest(client, asked.site, None, _REJECTS)
        series_of, listed, sites = beside.answer(client)
        return Overview(
            links=period.links,
            period=period.words,
            totals=shown.totals,
            ledger=sums,
            rejects=refused,
            chart=_chart(series_of, asked),
            hosts=hosts,
            directives=shown.items,
            violations=listed,
            sort=sort,
            sites=sites,
            periods=periods.links(period),
        )

    def _violation(self, client: Client, request: Request, given: Parameters) -> OneViolation:
        one = found(client, request, given)
        return OneViolation(
            links=Links(given.given),
            violation=one,
            fields=FIELDS,
            chart=_chart(one["series"], filters.read(given), noise=bool(one["noise"])),
            rule=self._rule_of(one["site"], one["noise_rule"]) if one["noise_rule"] else None,
        )


def _beside(client: Client, asked: Filters, sort: str) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """Half of what the overview asks."""
    return series.over_time(client, asked, "noise", None), _listed(client, asked, sort), counts.sites(client)


def _listed(client: Client, asked: Filters, sort: str) -> list[dict[str, Any]]:
    if sort == "newest":
        return violations.newest(client, asked, _LISTED)
    found = (groups if sort == "grouped" else violations).biggest(client, asked, _LISTED, None)
    items: list[dict[str, Any]] = found["items"]
    return items


def _chart(found: dict[str, Any], asked: Filters, *, noise: bool = False) -> Chart | None:
    """A series, split by noise or all of it (`noise` says which) the same."""
    drawn: dict[int, tuple[int, int]] = {}
    for point in found["items"]:
        start = seconds(point["time"])
        own, other = drawn.get(start, (0, 0))
        if point["key"] or noise:
            drawn[start] = (own, other + point["reports"])
        else:
            drawn[start] = (own + point["reports"], other)
    return chart.chart(drawn, found["step"], asked.start, asked.end)
