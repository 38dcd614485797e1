"""The frame around every page: where one is, where one can go, and who is asking."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jinja2
from clickhouse_connect.driver.client import Client
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dashboards import filters, texts
from dashboards.access.visitor import found
from dashboards.clients import Clients
from dashboards.pages.facts import Facts
from dashboards.problems import Problem
from dashboards.query_string import Parameters
from dashboards.times import written
from schema.written import times

_HERE = Path(__file__).parents[1]
_OF_TIME = ("site", "from", "to")


class Destination(NamedTuple):
    """Of the navigation. `keeps`: what of the present page's state goes along. `key`: after g, on the keyboard."""

    path: str
    words: str
    key: str
    keeps: tuple[str, ...] = ()


NAVIGATION = (
    Destination("/", "Overview", "o", _OF_TIME),
    Destination("/violations", "Violations", "v", _OF_TIME),
    Destination("/sources", "Sources", "s", ("site",)),
    Destination("/policies", "Policies", "p", ("site",)),
    Destination("/alerts", "Alerts", "a", ("site",)),
    Destination("/sites", "Sites", "t"),
    Destination("/rejects", "Rejects", "r", ("site",)),
    Destination("/system", "System", "y"),
)


class Asking(NamedTuple):
    """What a page is made of. `client` is one of `clients`, for its question."""

    client: Client
    clients: Clients
    request: Request
    given: Parameters
    facts: Facts


class Page(NamedTuple):
    """`own`: its parameters beside the filters. `ask` gives a NamedTuple, which is what the template shows, or an
    address to go to instead.
    """

    path: str
    template: str
    ask: Callable[[Asking], Any]
    own: tuple[str, ...] = ()
    filtered: bool = True


class Frame:
    def __init__(self, clients: Clients, facts: Facts) -> None:
        self._clients = clients
        self._facts = facts
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for shown in FILTERS:
            self._templates.filters[shown.__name__] = shown

    def routes(self, pages: tuple[Page, ...]) -> list[Route | Mount]:
        """An endpoint is a plain function: Starlette runs it in a thread, so a question never holds up the loop."""
        found = [Route(page.path, self._endpoint(page), methods=["GET"]) for page in pages]
        return [*found, Mount("/static", StaticFiles(directory=_HERE / "static"))]

    def problem(self, request: Request, problem: Problem) -> Response:
        answer = self._around(request, {}, "problem.html", problem.status, problem=problem)
        answer.headers.update(problem.headers)
        return answer

    def page(self, template: str, status: int, **shown: Any) -> Response:
        """Of somebody who is not let in yet."""
        nowhere: dict[str, Any] = {"navigation": [], "visitor": None, "live": False}
        return HTMLResponse(self._templates.get_template(template).render(shown, frame=nowhere), status)

    def _endpoint(self, page: Page) -> Callable[[Request], Response]:
        known = (*(filters.NAMES if page.filtered else ()), *page.own, "live")

        def endpoint(request: Request) -> Response:
            given = Parameters(request.scope["query_string"], known)
            given.one_of("live", ("1",))
            with self._clients.lend() as client:
                shown = page.ask(Asking(client, self._clients, request, given, self._facts))
            if isinstance(shown, str):
                return RedirectResponse(shown, 302)
            return self._around(request, given.given, page.template, 200, **shown._asdict())

        return endpoint

    def _around(self, request: Request, given: dict[str, str], template: str, status: int, **shown: Any) -> Response:
        visitor = found(request)
        if visitor is None:
            return self.page(template, status, **shown)
        frame = {"navigation": navigation(request.url.path, given), "visitor": visitor, "live": "live" in given}
        return HTMLResponse(self._templates.get_template(template).render(shown, frame=frame), status)


FILTERS: tuple[Callable[..., Any], ...] = (
    texts.plain, texts.lines, texts.brief, texts.number, texts.moment, texts.short, texts.span, texts.ago, texts.size,
    texts.percent, texts.rate, times, written,
)  # fmt: skip


def navigation(path: str, given: dict[str, str]) -> list[dict[str, Any]]:
    """Each destination with its address from here; `here`: one is there, or below."""
    return [
        {
            "words": its.words,
            "key": its.key,
            "address": its.path + _kept(its, given),
            "here": path == its.path or (its.path != "/" and path.startswith(f"{its.path}/")),
        }
        for its in NAVIGATION
    ]


def _kept(its: Destination, given: dict[str, str]) -> str:
    kept = {name: given[name] for name in its.keeps if given.get(name)}
    return f"?{urlencode(kept)}" if kept else ""
