"""Requests as browsers make them: kept connections and new ones, and never a second attempt of our own.

Locust's clients are no use here: where a kept connection turns out to be closed they send again by themselves, and a
report that was sent twice without our knowing makes every count wrong.
"""

import http.client
import select
import ssl
import time
from urllib.parse import urlsplit

from loadtest.load.account import BROKEN, NO_CONNECTION, TIMEOUT

TIMEOUT_SECONDS = 15.0  # with `log` durability an answer may take 10
_KEPT_SECONDS = 20.0  # without use; servers close after 60 and more
_KEPT = 1000


class Wire:
    """To one server; shared by all that send. Without any lock: greenlets change places only where they wait."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for what is no http or https address."""
        where = urlsplit(url)
        if where.scheme not in {"http", "https"} or not where.hostname:
            raise ValueError(f"{url!r} should be the collector's address, like http://127.0.0.1:8080")
        self._host, self._port = where.hostname, where.port
        self._tls = ssl.create_default_context() if where.scheme == "https" else None
        self._path = where.path.rstrip("/")
        self._kept: list[tuple[http.client.HTTPConnection, float]] = []

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", *, fresh: bool) -> int | str:
        """The status, or what happened instead. `fresh`: on a connection of its own."""
        connection = None if fresh else self._kept_one()
        if connection is None:
            connection = self._made()
            try:
                connection.connect()
            except OSError:
                return NO_CONNECTION
        try:
            connection.request(method, self._path + path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            connection.close()
            return TIMEOUT
        except (OSError, http.client.HTTPException):
            connection.close()
            return BROKEN
        if fresh or answer.will_close or len(self._kept) >= _KEPT:
            connection.close()
        else:
            self._kept.append((connection, time.monotonic()))
        return answer.status

    def _made(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, context=self._tls)

    def _kept_one(self) -> http.client.HTTPConnection | None:
        """The one used last. What can be read from it now is the server's goodbye."""
        while self._kept:
            connection, used = self._kept.pop()
            if connection.sock and time.monotonic() - used < _KEPT_SECONDS and not _readable(connection.sock):
                return connection
            connection.close()
        return None

    def close(self) -> None:
        while self._kept:
            self._kept.pop()[0].close()


def _readable(sock: "ssl.SSLSocket | object") -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)  # type: ignore[arg-type]
    return bool(poll.poll(0))
