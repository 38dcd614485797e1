"""A process that speaks ClickHouse's HTTP interface over chDB; `tests.support.clickhouse_http` starts and drives it.

Queries, DDL and inserts, with settings, parameters and a database each. Not there: sessions (a SET holds for itself
alone), external tables, compressed answers, results bigger than memory.
"""

import argparse
import base64
import contextlib
import signal
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from schema.clickhouse import Engine, open_chdb
from tests.support.clickhouse_faults import Fault, Faults
from tests.support.clickhouse_statements import Refusal, Result, Statement, form, head, run, split, unpacked

# Parameters of a request that the engine is not told: they concern the transport.
_TRANSPORT = {
    "query", "database", "default_format", "user", "password", "quota_key", "query_id", "session_id", "session_timeout",
    "session_check", "compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version", "role",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression",
}  # fmt: skip


class Interface(ThreadingHTTPServer):
    """A thread a connection; the engine runs their statements side by side."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, path: Path, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.path = str(path.resolve())
        self.credentials = (user, password)
        self.faults = Faults()
        self._running = 0
        self._idle = threading.Condition()
        self._client = engine.client()  # the engine ends with its last one, and took 40 ms to start for each statement
        self.version, self.timezone = self._client.query("SELECT version(), timezone()").result_rows[0]

    def encrypt(self, certificate: str, key: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        # The handshake waits for the conversation's thread: a slow client must not hold up the others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def run(self, statement: Statement) -> Result:
        with self._idle:
            self._running += 1
        try:
            return run(self.path, statement)
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify()

    def server_close(self) -> None:
        """Waits for the statements under way, because an engine that goes from under them crashes; no more begin."""
        super().server_close()
        self._idle.acquire()
        self._idle.wait_for(lambda: not self._running, timeout=10)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that has left
            super().handle_error(request, client_address)


class Conversation(BaseHTTPRequestHandler):
    """One connection, request after request."""

    server: Interface
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two writes

    def log_message(self, *_: object) -> None:
        """Tests read counts, not logs."""

    def _take(self) -> None:
        """Reads the request whole before anything else, as ClickHouse does with an insert."""
        place = urlsplit(self.path)
        parameters = dict(parse_qsl(place.query, keep_blank_values=True))
        body = b"".join(self._body())
        if place.path.startswith("/_"):
            self._answer(200, self._control(f"{self.command} {place.path}", body))
        elif place.path == "/ping" or (place.path == "/" and self.command == "GET" and "query" not in parameters):
            self._answer(200, b"Ok.\n")
        elif place.path == "/":
            self._answer_statement(parameters, body)
        else:
            self._answer(404, f"There is no handle {place.path}\n".encode())

    do_GET = do_POST = do_DELETE = _take  # noqa: N815  (http.server's names)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self._exactly(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self._exactly(size)
            self.rfile.readline()
        self.rfile.readline()

    def _exactly(self, size: int) -> bytes:
        found = self.rfile.read(size)
        if len(found) < size:
            raise ConnectionError("the client left in the middle of its request")
        return found

    def _control(self, wanted: str, body: bytes) -> bytes:
        """The tests' own way in."""
        faults = self.server.faults
        match wanted:
            case "POST /_faults":
                faults.add(msgspec.json.decode(body, type=Fault))
            case "DELETE /_faults":
                faults.heal()
            case "DELETE /_counts":
                faults.forget_counts()
        return faults.counts()

    def _answer_statement(self, parameters: dict[str, str], body: bytes) -> None:
        try:
            self._check_user(parameters)
            statement = self._statement(parameters, body)
            self._apply(statement)
        except Refusal as refusal:
            whole = f"{refusal} (version {self.server.version} (official build))\n"
            code = {"X-ClickHouse-Exception-Code": str(refusal.code)}
            self._answer(refusal.status, whole.encode(errors="replace"), code)

    def _check_user(self, parameters: dict[str, str]) -> None:
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        user, password = parameters.get("user", "default"), parameters.get("password", "")
        if kind == "Basic":
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        user = self.headers.get("X-ClickHouse-User", user)
        password = self.headers.get("X-ClickHouse-Key", password)
        if (user, password) != self.server.credentials:
            wrong = "Authentication failed: password is incorrect, or there is no user with such name."
            raise Refusal(516, f"{user}: {wrong} (AUTHENTICATION_FAILED)")

    def _statement(self, parameters: dict[str, str], body: bytes) -> Statement:
        body = unpacked(body, self.headers.get("Content-Encoding", ""))
        if self.headers.get_content_type() == "multipart/form-data":
            parameters, body = parameters | form(self.headers["Content-Type"], body), b""
        text = parameters.get("query", "").encode()
        settings = {
            name: value
            for name, value in parameters.items()
            if name not in _TRANSPORT and not name.startswith("param_")
        }
        if self.command == "GET":
            settings["readonly"] = "2"
        return Statement(
            **split(text + b"\n" + body if text and body else text or body),
            database=parameters.get("database") or str(self.headers.get("X-ClickHouse-Database", "")),
            settings=settings,
            parameters={name[6:]: value for name, value in parameters.items() if name.startswith("param_")},
            result_format=parameters.get("default_format") or str(self.headers.get("X-ClickHouse-Format", "")),
        )

    def _apply(self, statement: Statement) -> None:
        """The statement, with what the tests want to go wrong."""
        table = statement.inserts_into
        count = partial(self.server.faults.count, table)
        count("received")
        seconds, wrong, fault = self.server.faults.draw(table)
        if seconds:
            count("slowed")
            time.sleep(seconds)
        if wrong == "refuse" and fault:
            count("refused")
            raise Refusal(fault.code, fault.text)
        if wrong == "cut_before":
            count("cut")
            return self._cut()
        try:
            result = self.server.run(statement)
        except Refusal:
            count("failed")
            raise
        count("applied")
        if wrong == "cut_after":
            count("cut")
            return self._cut()
        if wrong == "hang_after":
            count("hung")
            return self._hang()
        return self._answer(200, result.body, head(result))

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _hang(self) -> None:
        """Until the client gives up and closes."""
        while self.connection.recv(1024):
            pass
        self.close_connection = True

    def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        named = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(body)),
            "X-ClickHouse-Query-Id": str(uuid.uuid4()),
            "X-ClickHouse-Timezone": self.server.timezone,
        }
        for name, value in (named | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.clickhouse_process", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="the store's folder, made if absent")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    parser.add_argument("--certificate", help="a PEM file: HTTPS instead of HTTP")
    parser.add_argument("--key")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with open_chdb(chosen.path) as engine:
        interface = Interface(chosen.port, engine, chosen.path / "chdb", chosen.user, chosen.password)
        if chosen.certificate:
            interface.encrypt(chosen.certificate, chosen.key)
        with interface, contextlib.suppress(KeyboardInterrupt):
            interface.serve_forever()


if __name__ == "__main__":
    main()
