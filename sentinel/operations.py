"""The operations port: a command's metrics, whether it is alive, and whether it does its work; never the public one."""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

logger = logging.getLogger("sentinel.operations")
_SILENCE_SECONDS = 5.0  # a client that says nothing for so long is left
_PATHS = {
    "/metrics": "for Prometheus",
    "/health": "200 while the process lives",
    "/ready": "200, or 503 and what is wrong",
}


def serve(host: str, port: int, registry: CollectorRegistry, ready: Callable[[], list[str]]) -> tuple[WSGIServer, int]:
    """In threads of its own that end with the process. Returns the server and its port (`port` 0 takes a free one).

    `ready` gives a line for each thing that is wrong; it is called from many threads and must not wait. Raises OSError.
    """
    server = _Server(host, port, _application(registry, ready))
    threading.Thread(target=server.serve_forever, name="operations", daemon=True).start()
    return server, server.server_port


class _Answer(NamedTuple):
    status: str
    headers: list[tuple[str, str]]
    body: bytes


def _application(registry: CollectorRegistry, ready: Callable[[], list[str]]) -> WSGIApplication:
    metrics = make_wsgi_app(registry)

    def route(path: str, environ: WSGIEnvironment) -> _Answer:
        if path not in _PATHS:
            known = "".join(f"{path:<9} {meaning}\n" for path, meaning in _PATHS.items())
            return _text("404 Not Found", f"there is nothing here; there are\n{known}")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _text("405 Method Not Allowed", "GET or HEAD\n", ("Allow", "GET, HEAD"))
        if path == "/metrics":
            return _scraped(metrics, environ)
        if path == "/ready" and (wrong := ready()):
            return _text("503 Service Unavailable", "".join(f"{line}\n" for line in wrong))
        return _text("200 OK", "ok\n" if path == "/health" else "ready\n")

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        status, headers, body = route(environ["PATH_INFO"], environ)
        start(status, [*headers, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _text(status: str, text: str, *headers: tuple[str, str]) -> _Answer:
    return _Answer(status, [("Content-Type", "text/plain; charset=utf-8"), *headers], text.encode())


def _scraped(metrics: WSGIApplication, environ: WSGIEnvironment) -> _Answer:
    """To HEAD too: without the body its head is the same."""
    head: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
        head[:] = status, headers
        return head.append

    body = b"".join(metrics({**environ, "REQUEST_METHOD": "GET"}, start))
    return _Answer(head[0], head[1], body)


class _Server(ThreadingWSGIServer):
    request_queue_size = 128  # with the default of 5 a handful of probes at once waits a second for a repeated SYN

    def __init__(self, host: str, port: int, application: WSGIApplication) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, address = found[0][0], found[0][4]
        super().__init__(address[:2], _Requests)  # type: ignore[arg-type]
        self.set_app(application)

    def handle_error(self, *_: Any) -> None:
        """What clients do wrong (leave, say nothing) is no matter for the log."""
        logger.debug("a request to the operations port failed", exc_info=sys.exc_info())


class _Requests(WSGIRequestHandler):
    timeout = _SILENCE_SECONDS

    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds."""
