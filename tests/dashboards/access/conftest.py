"""Consoles that are closed in different ways, over one store, with a change of each kind to try them on."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dashboards.access.changes import form_change, json_change
from dashboards.access.terms import Terms
from dashboards.access.visitor import Visitor, visitor_of
from dashboards.app import build
from schema.clickhouse import Engine
from tests.support.store import empty

TOKEN = "a secret: with colons, ünd more"
VIEWER_TOKEN = "only-to-look"
SECRET = b"s" * 32


@pytest.fixture(scope="module")
def console(store: Engine) -> Callable[..., Starlette]:
    """Makes one; the wrong tokens of one test are not counted against another's."""
    empty(store.client())

    def made(token: str | None = TOKEN, **terms: object) -> Starlette:
        app = build(store, lambda: None, token, terms=Terms(**{"viewer_token": VIEWER_TOKEN, "secret": SECRET} | terms))
        app.router.routes[:0] = [
            Route("/form", _form),
            Route("/change/form", form_change(_said), methods=["POST"]),
            Route("/change/json", json_change(_said), methods=["POST"]),
        ]
        return app

    return made


def _form(request: Request) -> Response:
    return HTMLResponse(f'<input name="csrf" value="{visitor_of(request).csrf}">')


def _said(_request: Request, visitor: Visitor, data: object) -> Response:
    return JSONResponse({"name": visitor.name, "data": data})


@pytest.fixture
def locked(console: Callable[..., Starlette]) -> Starlette:
    return console()


@pytest.fixture
def unlocked(console: Callable[..., Starlette]) -> Starlette:
    """On loopback, without login."""
    return console(None, viewer_token="")
