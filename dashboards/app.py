"""The console's parts, put together: read API, export, pages, and what stands around them."""

import asyncio
import contextlib
from collections.abc import Callable

from clickhouse_connect.driver.exceptions import DatabaseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboards import problems
from dashboards.access.guard import Entry, Guard, Tell
from dashboards.access.headers import Secured, secured
from dashboards.access.login import Login
from dashboards.access.terms import Terms
from dashboards.api import Api
from dashboards.clients import Busy, Clients
from dashboards.deciding import Deciding
from dashboards.noise import Apply, Applying
from dashboards.openapi import described
from dashboards.pages import PAGES
from dashboards.pages.facts import Facts, SystemFacts
from dashboards.pages.frame import Frame
from schema.sites import Sites
from schema.store import Store, TablesMissing, WrongCluster

QUESTIONS_AT_ONCE = 4
EXPORTS_AT_ONCE = 2  # apart: one goes at the pace of who reads it
_ANY = Sites()  # without a file every label is a site


def build(
    store: Store,
    lag: Callable[[], float | None],
    token: str | None,
    *,
    sites: Callable[[], Sites] = lambda: _ANY,
    system: Callable[[], SystemFacts | None] = lambda: None,
    apply: Apply | None = None,
    terms: Terms = Terms(),  # noqa: B008  (never changed)
) -> Starlette:
    """The console over `store`. `lag`: seconds the store is behind, None where unknown; `token` is an editor's.

    `sites` are those in force, `system` what is known of this process and its machine. `apply` labels what is stored
    again; without it that can't be asked for. `terms`: on which, besides the token, it is open; by default there are no
    others.
    """
    clients = Clients(store, QUESTIONS_AT_ONCE)
    api = Api(clients, Clients(store, EXPORTS_AT_ONCE), lag)
    frame = Frame(clients, Facts(lag, sites, system))
    questions = [*api.routes(), *(Applying(apply).routes() if apply else []), *Deciding(store).routes()]
    entry = Entry(terms._replace(token=token or ""))

    def tell(request: Request, told: problems.Problem) -> Response:
        return frame.problem(request, told) if problems.reads_pages(request) else problems.response(told)

    def answers() -> bool:
        try:
            with clients.lend(_READY_SECONDS) as client:
                client.query("SELECT reports FROM violations LIMIT 0")
        except (Busy, DatabaseError, TablesMissing, WrongCluster):
            return False
        return True

    async def ready(_request: Request) -> Response:
        """Whether the store answers. In a thread apart from those of the questions, which may all be waiting."""
        with contextlib.suppress(TimeoutError):  # a server that hangs keeps the thread, and must not keep the probe
            async with asyncio.timeout(_PROBE_SECONDS):
                if await asyncio.to_thread(answers):
                    return PlainTextResponse("ready\n")
        return problems.response(problems.AWAY)

    def problem(request: Request, error: Exception) -> Response:
        told = problems.of(error)
        if told.status == 500 and isinstance(error, problems.EXPECTED):
            raise error  # on to the outermost layer, which logs it
        return secured(request, tell(request, told))

    app = Starlette(
        routes=[
            Route("/health", _health),
            Route("/ready", ready),
            *Login(entry, frame.page, tell).routes(),
            *_by_provider(entry, tell),
            *questions,
            described(questions, needs_token=not entry.terms.open),
            *frame.routes(PAGES),
        ],
        middleware=[
            Middleware(Secured, places=entry.places, collector=terms.collector),
            Middleware(Guard, entry=entry, tell=tell),
        ],
        exception_handlers=dict.fromkeys((*problems.EXPECTED, Exception), problem),
    )
    app.router.redirect_slashes = False
    return app


_PROBE_SECONDS = 5.0
_READY_SECONDS = 0.5  # a probe gives up after a second, by default


async def _health(_request: Request) -> Response:
    """On the loop itself: while it turns the process is alive, however many questions wait for a thread."""
    return PlainTextResponse("ok\n")


def _by_provider(entry: Entry, tell: Tell) -> list[Route]:
    if entry.terms.provider is None:
        return []
    from dashboards.access.provider import ByProvider  # noqa: PLC0415  (an HTTP client and more, needed by few)

    return ByProvider(entry, entry.terms.provider, tell).routes()
