"""Whether the console is alive, and whether it can answer."""

import asyncio
import threading
import time

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards import app as application
from schema.clickhouse import Engine
from tests.support.asgi import ask


def crowded(app: ASGIApp) -> ASGIApp:
    """The same, while every thread for questions is taken."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        release = threading.Event()
        waiting = [asyncio.create_task(run_in_threadpool(release.wait)) for _ in range(60)]
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(5):
                await app(scope, receive, send)
        finally:
            release.set()
            await asyncio.gather(*waiting)

    return asked


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_questions_that_wait_for_a_thread_hold_up_no_probe(app: Starlette, path: str):
    assert ask(crowded(app), path).status == 200


def test_a_console_without_a_free_client_is_alive_and_soon_not_ready(store: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(application, "QUESTIONS_AT_ONCE", 0)
    busy = application.build(store, lambda: None, token=None)
    assert ask(busy, "/health").status == 200
    began = time.monotonic()
    found = ask(busy, "/ready")
    assert found.status == 503
    assert "retry-after" in found.headers
    assert time.monotonic() - began < 1
