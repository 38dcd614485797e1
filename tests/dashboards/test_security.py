"""Who may ask, and what a browser may do with the answer."""

import base64
import http.client
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support.asgi import ask

TOKEN = "a secret: with colons, ünd more"
PATHS = ["/", "/api/totals", "/api/export", "/violations/" + "0" * 32, "/nothing", "/static/console.css"]


@pytest.fixture(scope="module")
def locked(store: Engine) -> Starlette:
    return build(store, lambda: None, token=TOKEN)


def headers(authorization: str = "", host: str = "console.example") -> tuple[tuple[str, str], ...]:
    return (("host", host), *((("authorization", authorization),) if authorization else ()))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_nothing_is_told_without_it(locked: Starlette, path: str):
    found = ask(locked, path, headers=headers())
    assert found.status == 401
    assert found.headers["content-type"] == "application/problem+json"
    assert found.headers["www-authenticate"]


@pytest.mark.parametrize("wrong", [
    "Bearer", "Bearer ", "Bearer x", "bearer " + TOKEN + "x", basic("user:wrong"), basic(TOKEN), basic("user"),
    "Basic !!!",
    "Basic", "Digest " + TOKEN, TOKEN, basic(TOKEN + ":"),
])  # fmt: skip
def test_a_wrong_token_is_refused(locked: Starlette, wrong: str):
    assert ask(locked, "/api/totals", headers=headers(wrong)).status == 401


@pytest.mark.parametrize("right", ["Bearer " + TOKEN, "bearer  " + TOKEN, basic("anyone:" + TOKEN), basic(":" + TOKEN)])
def test_the_token_opens_as_bearer_and_as_any_users_password(locked: Starlette, right: str):
    assert ask(locked, "/api/totals", headers=headers(right)).status == 200


def test_both_ways_in_are_named(locked: Starlette):
    assert ask(locked, "/", headers=headers()).headers["www-authenticate"].startswith("B")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_and_readiness_need_no_token_and_no_name(app: Starlette, locked: Starlette, path: str):
    for console in (app, locked):
        assert ask(console, path, headers=headers(host="10.0.0.7")).status == 200
        assert ask(console, path, headers=()).status == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081", "[::1]"])
def test_without_a_token_this_machines_own_names_are_answered(app: Starlette, host: str):
    assert ask(app, "/api/totals", headers=headers(host=host)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "",
                                  "evil.example:8081", "[::2]", "localhost:8081@evil"])  # fmt: skip
def test_without_a_token_other_names_are_refused_because_they_may_be_rebound(app: Starlette, host: str):
    found = ask(app, "/api/totals", headers=headers(host=host))
    assert found.status == 421
    assert "localhost" in found.json["detail"]


EXPECTED = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize("path", [*PATHS, "/health", "/ready", "/api/totals?x=1"])
def test_every_answer_has_the_headers(app: Starlette, locked: Starlette, path: str):
    for console in (app, locked):
        found = ask(console, path)
        assert {name: found.headers[name] for name in EXPECTED} == EXPECTED


def test_the_error_of_a_broken_store_is_ours_and_tells_nothing(store: Engine):
    class Broken(Engine):
        def client(self, settings=None):
            raise RuntimeError("secret path")

    console = build(Broken(store._path), lambda: None, token=None)
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
    assert found.headers["content-security-policy"] == EXPECTED["content-security-policy"]
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


@pytest.mark.parametrize("path", ["/", "/api/totals", "/api/export", "/health", "/static/console.css"])
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
