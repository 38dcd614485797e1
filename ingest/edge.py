"""The fast edge: uvicorn's httptools protocol, with the report path answered inside the parser's callbacks.

A report costs no task, no scope and no ASGI message: the callbacks gather the body and call `Collector.accept`.
Everything else (other paths and methods, a report pipelined behind such a request) goes uvicorn's ordinary way to the
ASGI adapter. uvicorn has no timer for slow heads and bodies, so the edge sweeps its connections once a second.
"""

import asyncio
import re
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingest.answers import ACCEPTED, REFUSED
from ingest.collector import DRAINED_BYTES
from ingest.shared import Shared
from schema import metrics
from schema.reasons import Reason

MAX_HEAD_BYTES = 64 * 1024
REQUEST_SECONDS = 20  # for a whole request to arrive
IDLE_SECONDS = 75  # between requests

_QUERY = re.compile(rb"\?[^\s\"]*")

# Where a connection stands.
_IDLE, _HEAD, _BODY, _REFUSED = range(4)
# Stages in which a client could send without end, and what it may send after the first read.
_UNBOUNDED = {_HEAD: MAX_HEAD_BYTES, _REFUSED: DRAINED_BYTES}


class Edge(HttpToolsProtocol):
    """One connection."""

    def __init__(self, shared: Shared, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.shared = shared
        self._stage = _IDLE
        self._since = shared.now  # when this stage began
        self._site: str | None = None
        self._routed = self._hot = self._is_post = self._past_parser = self._began = False
        self._body: bytes | bytearray = b""
        self._type: bytes | None = None
        self._agent: bytes | None = None
        self._origin: bytes | None = None
        self._referer: bytes | None = None
        self._declared = 0  # content length
        self._overrun = 0  # bytes taken in after the first read, of a head or of a refused body

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.shared.connections.add(self)
        if len(self.shared.connections) > self.shared.max_connections:
            transport.write(self.shared.written(REFUSED[Reason.BUSY]))
            self._end("too-many")

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.connections.discard(self)
        if self._hot and self._stage == _BODY and self._is_post:
            self.shared.collector.refuse(Reason.INCOMPLETE, bytes(self._body), self._agent, self._site or "")
        self._stage = _IDLE
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._past_parser:
            self._take_past_parser(data)
            return
        before, self._began = self._stage, False
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # RFC 9110 §7.8 lets us ignore the offer, but the parser leaves the body of such a request unread.
            if self._hot and self._stage == _BODY:
                self._past_parser = True
                self._take_past_parser(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self.transport.is_closing():
                seen = _QUERY.sub(b"", data)  # it may hold the head of a request, with the URL's signature
                answer = self.shared.collector.refuse(Reason.BAD_HTTP, seen, None, self._site or "")
                self.transport.write(self.shared.written(answer))
                self._stage = _IDLE
                self.transport.close()
        if self._stage == before and before in _UNBOUNDED and not self._began:  # the whole read was more of the same
            self._overrun += len(data)
            if self._overrun > _UNBOUNDED[before]:
                self._overflow()

    def _take_past_parser(self, data: bytes) -> None:
        """The declared bytes, then the answer, then the end of the connection."""
        self.on_body(data)
        if self._stage == _BODY and len(self._body) < self._declared:
            return
        if self._stage == _BODY:
            self._body = self._body[: self._declared]
            self._answer()
        self._stage = _IDLE
        self.transport.close()

    def _overflow(self) -> None:
        """A head that doesn't end; or a refused body, of which enough was read to let the answer through."""
        if self._stage == _HEAD:
            answer = self.shared.collector.refuse(Reason.HEAD_TOO_LARGE, b"", self._agent, self._site or "")
            self.transport.write(self.shared.written(answer))
        self._end("too-large")

    def pause_writing(self) -> None:
        """A client that sends and never reads its answers is not read either."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.transport.resume_reading()

    # the parser's callbacks

    def on_message_begin(self) -> None:
        self.url = b""
        self._stage, self._since, self._overrun = _HEAD, self.shared.now, 0
        self._routed, self._hot, self._began = False, False, True
        self._agent = self._site = self._origin = self._referer = None

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage != _HEAD:
            return  # a trailer: nothing a trailer could say is wanted
        if not self._routed:
            self._route()
        if not self._hot:
            super().on_header(name, value)
            return
        length = len(name)  # most headers are none of these: the length tells, without a copy
        if length == 10 and name.lower() == b"user-agent":
            self._agent = value if self._agent is None else self._agent
        elif length == 12 and name.lower() == b"content-type":
            self._type = value if self._type is None else self._type
        elif length == 14 and name.lower() == b"content-length":
            self._declared = int(value[:20]) if value.isdigit() else 0
        elif length == 7 and name.lower() == b"referer":
            self._referer = value if self._referer is None else self._referer
        elif length == 6 and name.lower() == b"origin":
            self._origin = value if self._origin is None else self._origin
        elif length == 6 and name.lower() == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"

    def _route(self) -> None:
        """The URL is whole when the first header comes. `hot`: answered here."""
        self._routed = True
        shared, url = self.shared, self.url
        site = shared.sites.get(url)
        if site is None:
            site = shared.site(url)
        method = self.parser.get_method()
        self._is_post = method == b"POST"
        if (
            site is not None
            and ((self._is_post and not shared.waits) or method == b"OPTIONS")
            and (self.cycle is None or self.cycle.response_complete)
        ):
            self._hot, self._site = True, site
            self._body, self._type = b"", None
            self._declared = 0
            self.expect_100_continue = False
        else:
            super().on_message_begin()
            self.url = url

    def on_headers_complete(self) -> None:
        if not self._routed:
            self._route()
        self._stage, self._overrun = _BODY, 0
        if not self._hot:
            super().on_headers_complete()
        elif self._declared > self.shared.collector.max_body_bytes:
            self._refuse_size()
        elif self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if not self._hot:
            super().on_body(body)
            return
        if self._stage == _REFUSED:
            return
        if not self._body:
            self._body = body
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body
        if len(self._body) > self.shared.collector.max_body_bytes:
            self._refuse_size()

    def _refuse_size(self) -> None:
        """Answered at once; the rest is read and dropped, because closing on unread bytes resets the answer away."""
        collector = self.shared.collector
        self._stage = _REFUSED
        answer = collector.refuse(Reason.TOO_LARGE, bytes(self._body[:4096]), self._agent, self._site or "")
        self._body = b""
        self.transport.write(self.shared.written(answer))

    def on_message_complete(self) -> None:
        if self._hot and self.parser.should_upgrade():
            return
        stage, self._stage, self._since = self._stage, _IDLE, self.shared.now
        if not self._hot:
            super().on_message_complete()
        elif stage == _REFUSED:
            self.transport.close()
        else:
            self._answer()
            if not self.parser.should_keep_alive():
                self.transport.close()

    def _answer(self) -> None:
        shared = self.shared
        if self._is_post:
            query = self.url.partition(b"?")[2] if shared.collector.sites.signers else b""
            answer = shared.collector.accept(
                bytes(self._body), self._type, self._agent, self._site or "", self._origin, self._referer, query
            )
            self.transport.write(shared.accepted if answer is ACCEPTED else shared.written(answer))
            self._body = b""
        elif self._site:
            shared.collector.preflights += 1
            self.transport.write(shared.preflight)
        else:
            self.transport.write(shared.written(REFUSED[Reason.BAD_SITE]))

    # uvicorn's and ours

    def shutdown(self) -> None:
        """A request that is under way is let to its end."""
        if self._stage == _IDLE or not self._hot:
            super().shutdown()

    def sweep(self, now: int) -> None:
        """Ends what takes too long: a request to arrive, or a client to send the next."""
        waited = now - self._since
        if self.transport.is_closing():
            if waited > REQUEST_SECONDS:  # the answers are never read: don't wait for them to be
                self.transport.abort()
        elif self._stage == _IDLE:
            if waited > IDLE_SECONDS and (self.cycle is None or self.cycle.response_complete):
                self._end("idle")
        elif waited > REQUEST_SECONDS:
            if self._stage != _REFUSED:
                self.transport.write(self.shared.written(REFUSED[Reason.INCOMPLETE]))
            self._end("slow")

    def _end(self, cause: str) -> None:
        metrics.CONNECTIONS_CLOSED.labels(cause).inc()
        self._since = self.shared.now
        self.transport.close()
