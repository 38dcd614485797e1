"""The operations port: what stands where, and that /ready tells the truth."""

import contextlib
import errno
import http.client
import os
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from sentinel.operations import serve

said: list[str] = []  # by the program under the port, which all tests share: to stop it takes half a second


@pytest.fixture
def wrong() -> list[str]:
    said.clear()
    return said


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    registry = CollectorRegistry()
    Counter("tests_total", "Of the kind that is served.", registry=registry).inc(3)
    with running("127.0.0.1", registry) as found:
        yield found


@contextlib.contextmanager
def running(host: str, registry: CollectorRegistry) -> Iterator[int]:
    server, port = serve(host, 0, registry, lambda: list(said))
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()


def ask(port: int, method: str, path: str, host: str = "127.0.0.1") -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def test_metrics_are_in_one_place(port: int):
    response, text = ask(port, "GET", "/metrics")
    assert response.status == 200
    assert "tests_total 3.0\n" in text
    assert response.headers["content-type"].startswith("text/plain; version=")
    for path in ("/", "/ready", "/health", "/metrics/", "/favicon.ico"):
        assert "tests_total" not in ask(port, "GET", path)[1]


def test_a_program_that_does_its_work_is_alive_and_ready(port: int, wrong: list[str]):
    assert [
        (response.status, text) for response, text in (ask(port, "GET", "/health"), ask(port, "GET", "/ready"))
    ] == [
        (200, "ok\n"),
        (200, "ready\n"),
    ]


def test_one_that_doesnt_is_alive_and_says_in_lines_what_is_wrong(port: int, wrong: list[str]):
    wrong += ["the store is away since 12:03:10Z: no route to häst", "a collector process is not ready"]
    assert ask(port, "GET", "/health")[0].status == 200
    response, text = ask(port, "GET", "/ready?verbose")
    assert response.status == 503
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.splitlines() == wrong
    wrong.clear()
    assert ask(port, "GET", "/ready")[0].status == 200


@pytest.mark.parametrize("path", ["/", "/metric", "/ready/", "/csp/report", "/%2e%2e/ready"])
def test_elsewhere_there_is_nothing_but_the_way(port: int, path: str):
    for method in ("GET", "POST"):
        response, text = ask(port, method, path)
        assert response.status == 404
        assert all(place in text for place in ("/metrics ", "/health ", "/ready "))


@pytest.mark.parametrize("path", ["/metrics", "/health", "/ready"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_it_can_only_be_read(port: int, method: str, path: str):
    response, _ = ask(port, method, path)
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/metrics", "/health", "/ready", "/nowhere"])
def test_head_is_get_without_the_body(port: int, wrong: list[str], path: str):
    wrong.append("something")
    whole, text = ask(port, "GET", path)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
        head, _, rest = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
    assert f" {whole.status} ".encode() in head
    assert f"Content-Length: {len(text.encode())}".encode() in head
    assert rest == b""


def test_clients_that_say_nothing_hold_up_nobody(port: int, wrong: list[str]):
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        began = time.monotonic()
        assert ask(port, "GET", "/ready")[0].status == 200
        assert time.monotonic() - began < 1


def test_clients_that_say_nothing_are_left(port: int, wrong: list[str], monkeypatch, capfd):
    monkeypatch.setattr("sentinel.operations._Requests.timeout", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /rea")
        assert connection.recv(100) == b""
    assert ask(port, "GET", "/ready")[0].status == 200
    assert capfd.readouterr().err == ""


def test_it_can_be_on_ipv6(wrong: list[str]):
    with running("::1", CollectorRegistry()) as port:
        assert ask(port, "GET", "/ready", "::1")[0].status == 200


def test_a_port_that_is_taken_is_an_error(port: int):
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        serve("127.0.0.1", port, CollectorRegistry(), list)
