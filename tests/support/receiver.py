"""A webhook's other side: keeps what it is sent, checks signatures, and answers as it is told."""

import contextlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple


def _documented() -> Any:
    """The check that docs/alerts.md shows, from its own text."""
    text = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
    [code] = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["is_genuine"]


is_genuine = _documented()  # (secret, header, body)


class Request(NamedTuple):
    at: float
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    answered: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def signed_by(self, secret: str) -> bool:
        return is_genuine(secret, self.headers["x-sentinel-signature"], self.body)


class Answer(NamedTuple):
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    hang: bool = False  # until it is closed
    slowly: float = 0  # s, before it answers
    endless: float | None = None  # s between parts of an answer that never ends


class Receiver:
    """Answers `answers` one after the other, and then 200."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with contextlib.suppress(OSError):
                    receiver._take(self, body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _take(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with self._changed:
            answer = self.answers.pop(0) if self.answers else Answer()
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.requests.append(Request(time.time(), handler.path, headers, body, 0 if answer.hang else answer.status))
            self._changed.notify_all()
        if answer.hang:
            self._closing.wait(60)
            return
        time.sleep(answer.slowly)
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        if answer.endless is None:
            handler.send_header("Content-Length", "0")
        handler.end_headers()
        while answer.endless is not None and not self._closing.wait(answer.endless):
            handler.wfile.write(b" " * (1 if answer.endless else 65_536))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait_for(self, number: int = 1, seconds: float = 20) -> list[Request]:
        """The requests, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= number, seconds), self.requests
            return list(self.requests)

    def taken(self) -> list[Request]:
        """Those answered 2xx."""
        with self._changed:
            return [request for request in self.requests if 200 <= request.answered < 300]

    def events(self) -> list[str]:
        """Ids of all events it has taken, told in full or in a line."""
        return [event["id"] for request in self.taken() for event in request.json["events"] + request.json["more"]]

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
