"""What answers at which address and method, and that it is ours also where something breaks."""

import http.client
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support.asgi import ask


def test_the_error_of_a_broken_store_is_ours_and_tells_nothing(store: Engine):
    class Broken(Engine):
        def client(self, settings=None):
            raise RuntimeError("secret path")

    console = build(Broken(store.path), lambda: None, token=None)
    answers = []

    class Catching:
        """What a server does with an error that was answered already."""

        async def __call__(self, scope, receive, send):
            try:
                await console(scope, receive, send)
            except RuntimeError as error:
                answers.append(str(error))

    found = ask(Catching(), "/api/totals")
    assert found.status == 500
    assert "secret" not in found.text
    assert found.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert answers == ["secret path"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"])
def test_only_get_and_head_work(app: Starlette, method: str):
    for path in (
        "/",
        "/health",
        "/ready",
        "/api/totals",
        "/api/export",
        f"/api/violations/{0:032x}",
        f"/violations/{0:032x}",
    ):
        found = ask(app, path, method=method)
        assert found.status == 405, path
        assert found.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/totals/", "/api/nothing", "/nothing", "/static/", "/static/../app.py"]
)
def test_there_is_nothing_elsewhere(app: Starlette, path: str):
    assert ask(app, path).status == 404


@pytest.fixture(scope="module")
def port(app: Starlette):
    """The console behind a real server."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("path", ["/", "/api/totals", "/api/export", "/health", "/static/frame.css"])
def test_head_answers_like_get_without_a_body(port: int, path: str):
    got, head = http.client.HTTPConnection("127.0.0.1", port), http.client.HTTPConnection("127.0.0.1", port)
    got.request("GET", path)
    head.request("HEAD", path)
    whole, empty = got.getresponse(), head.getresponse()
    assert (whole.status, empty.status) == (200, 200)
    assert whole.read()
    assert empty.read() == b""
    assert empty.getheader("content-type") == whole.getheader("content-type")
    got.close()
    head.close()


def test_questions_at_once_are_all_answered(port: int):
    found: list[int] = []

    def ask_once() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/top?by=document_url&q=page")
        answer = connection.getresponse()
        answer.read()
        found.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask_once) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 24
