"""A connection of the fast edge from its beginning to its end: the cap, deadlines, and uvicorn's half of it.

uvicorn has no timer for slow heads and bodies, so the edge sweeps its connections once a second.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingest.answers import PREFLIGHT, REFUSED, Answer
from ingest.collector import REQUEST_SECONDS
from ingest.limits import Cells, Clients, network_of
from ingest.shared import Shared
from schema import metrics
from schema.reasons import Reason

IDLE_SECONDS = 75  # between requests

# Where a connection stands.
IDLE, HEAD, BODY, REFUSED_BODY, OVER = range(5)


class Connection(HttpToolsProtocol):
    """uvicorn's half (loggers, addresses, flow control) is made when the first request needs it.

    A browser that makes a connection for each report never needs it.
    """

    transport: asyncio.Transport
    parser: Any = None
    cycle: Any = None
    timeout_keep_alive_task: Any = None
    _site: str | None = None  # that the request is for
    _is_post = False
    _cells: Cells | None = None  # the client's, once they were needed

    def __init__(self, shared: Shared, **uvicorn_arguments: Any) -> None:
        self.shared = shared
        self._uvicorn = uvicorn_arguments
        self._ordinary = False  # some request of it is uvicorn's
        self._hot = False  # this one is not
        self._stage = IDLE
        self._since = shared.now  # when this stage began

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._uvicorn["server_state"].connections.add(self)
        self.shared.connections.add(self)
        if len(self.shared.connections) <= self.shared.max_connections:
            return
        if not self.shared.crowd.makes_room(self.shared.connections, self):
            self._write(REFUSED[Reason.BUSY])
            self.shared.collector.tally.turned_away["connections"] += 1
            self._end("too-many")

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.connections.discard(self)
        self._uvicorn["server_state"].connections.discard(self)
        self._stage = IDLE
        if self._ordinary:
            super().connection_lost(exc)
        self.parser = None

    def _be_ordinary(self) -> None:
        """From now on uvicorn may be asked."""
        self.shared.turn.end()
        if not self._ordinary:
            self._ordinary = True
            parser, transport = self.parser, self.transport
            super().__init__(**self._uvicorn)
            self.parser = parser
            super().connection_made(transport)

    @property
    def _method(self) -> str:
        """Of the request under way, where it is answered here; else empty."""
        if self._stage == IDLE or not self._hot:
            return ""
        return "POST" if self._is_post else "OPTIONS"

    @property
    def _is_answered(self) -> bool:
        """Before it has come to its end: refused, or by uvicorn, as what is not to be found."""
        ordinary = self._stage == BODY and not self._hot
        return self._stage == REFUSED_BODY or (ordinary and self.cycle.response_started)

    def _write(self, answer: Answer) -> None:
        """After the answers to what came before."""
        self.shared.turn.end()
        self.transport.write(self.shared.written(answer))

    def _finish(self, answer: Answer, *, keeps: bool) -> None:
        self._write(answer if keeps else answer.last())
        if not keeps:
            self.transport.close()

    def _allow(self, *, keeps: bool) -> None:
        """The answer to a preflight. Chromium sends one before each report, so it is at hand as bytes."""
        shared = self.shared
        shared.collector.tally.preflights += 1
        if keeps:
            shared.turn.end()
            self.transport.write(shared.preflight)
        else:
            self._finish(PREFLIGHT, keeps=False)

    @property
    def _address(self) -> str:
        """The client's; empty at a UNIX socket."""
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    @property
    def network(self) -> bytes:
        return network_of(self._address)

    @property
    def waiting_since(self) -> float:
        return self._since

    def give_way(self) -> None:
        if not self.transport.is_closing():
            self._end("too-many")
        self.transport.abort()

    def _is_over(self, clients: Clients) -> bool:
        """Whether its client's network sends too much. It has one client, so that is looked up once."""
        if self._cells is None:
            self._cells = clients.cells(self._address)
        return self.shared.collector.is_over_at(clients, self._cells)

    def eof_received(self) -> None:
        """A client may close its half before it reads the answers: then asyncio closes ours, after what is written."""
        self.shared.turn.end()

    def pause_writing(self) -> None:
        """A client that sends and never reads its answers is not read either."""
        if self._ordinary:
            super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._ordinary:
            super().resume_writing()
        self.transport.resume_reading()

    def shutdown(self) -> None:
        """A request that is under way is let to its end."""
        self.shared.turn.end()
        if self._stage == IDLE or not self._hot:
            super().shutdown()

    def sweep(self, now: int) -> None:
        """Ends what takes too long: a request to arrive, or a client to send the next."""
        waited = now - self._since
        if self.transport.is_closing():
            if waited > REQUEST_SECONDS:  # the answers are never read: don't wait for them to be
                self.transport.abort()
        elif self._stage == IDLE:
            if waited > IDLE_SECONDS and (self.cycle is None or self.cycle.response_complete):
                self._end("idle")
        elif waited > REQUEST_SECONDS:
            if not self._is_answered:
                self._write(REFUSED[self.shared.collector.why(Reason.INCOMPLETE, self._site or "")])
            self._end("slow")

    def _end(self, cause: str) -> None:
        metrics.CONNECTIONS_CLOSED.labels(cause).inc()
        self._since = self.shared.now
        self.shared.turn.end()
        self.transport.close()
