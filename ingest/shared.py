"""What the fast edge's connections share: the collector, a clock of whole seconds, and the answers as bytes."""

from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

from ingest.answers import PREFLIGHT, Answer
from ingest.collector import Collector
from ingest.crowd import Crowd, Member
from ingest.heads import Heads
from ingest.told import site_of
from ingest.turn import Turn
from schema import metrics

_KNOWN_URLS = 4096
_LONGEST_URL = 256  # worth remembering: a signed one may have 150 bytes


class Swept(Member, Protocol):
    def sweep(self, now: int) -> None:
        """End it if it takes too long; `now` in seconds of the shared clock."""


class Shared:
    """One a worker."""

    def __init__(self, collector: Collector, max_connections: int) -> None:
        self.collector = collector
        self.waits = collector.spool.waits  # for Kafka: then a report is a task, and goes the ordinary way
        self.max_connections = max_connections
        self.connections: set[Swept] = set()
        self.crowd = Crowd(max_connections)
        self.now = 0  # seconds, by `tick`
        self.sites: dict[bytes, str] = {}  # of report URLs, as sent
        self.heads = Heads()
        self.turn = Turn(collector, self.written)
        self._written: dict[Answer, bytes] = {}
        self._date = b""
        self.tick()

    def tick(self) -> None:
        """Called once a second: a new Date header (RFC 9110 §6.6.1), and the sweep of slow connections."""
        self.now += 1
        self._date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"
        self._written.clear()
        self.preflight = self.written(PREFLIGHT)
        self.crowd.forget()
        for connection in list(self.connections):
            connection.sweep(self.now)
        metrics.CONNECTIONS.set(len(self.connections))

    def written(self, answer: Answer) -> bytes:
        """The answer as it goes over the wire in this second."""
        found = self._written.get(answer)
        if found is None:
            head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n".encode()
            lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in answer.headers)
            if answer.status != HTTPStatus.NO_CONTENT:
                lines += b"content-length: %d\r\n" % len(answer.body)
            if answer.close:
                lines += b"connection: close\r\n"
            found = self._written[answer] = head + self._date + lines + b"\r\n" + answer.body
        return found

    def site(self, url: bytes) -> str | None:
        """The site of a URL as sent; None for what the ASGI adapter should look at (other paths, escapes)."""
        path = url.partition(b"?")[0]
        if b"%" in path or not path.isascii():
            return None
        site = site_of(path.decode("ascii"))
        if site is not None and len(url) <= _LONGEST_URL:
            if len(self.sites) >= _KNOWN_URLS:
                self.sites.clear()  # signed URLs change
            self.sites[url] = site
        return site
