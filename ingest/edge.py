"""The fast edge: uvicorn's httptools protocol, with the report path answered inside the parser's callbacks.

A report costs no task, no scope and no ASGI message: the callbacks gather the body for `Collector.accept_all`. A head
that was parsed before, on whatever connection, is not parsed again. Everything else (other paths and methods, a report
pipelined behind such a request) goes uvicorn's ordinary way to the ASGI adapter.
"""

import httptools

from ingest.collector import MOST_UNFINISHED
from ingest.connection import BODY, HEAD, IDLE, OVER, REFUSED_BODY, Connection
from ingest.endless import MAX_HEAD_BYTES, is_endless
from ingest.heads import END, Head
from ingest.no_http import shape
from ingest.told import Told
from schema.reasons import Reason

_PIECE_BYTES = 16 * 1024  # of a read that could hold a longer head as a whole; uvloop reads 256 KiB at once


class Edge(Connection):
    """The requests of one connection."""

    # Of the request that comes now; here, because most connections' requests need no more of it.
    url = b""
    _routed = _past_parser = False
    _body: bytes | bytearray = b""
    _type: bytes | None = None
    _agent: bytes | None = None
    _origin: bytes | None = None
    _referer: bytes | None = None
    _declared = 0  # content length
    _said: Head | None = None  # by the head of the request that was just answered
    _begun = 0  # requests, in this read
    _read = _fed = 0  # bytes of the request, or before one; and of its body

    def connection_lost(self, exc: Exception | None) -> None:
        if self._hot and self._stage == BODY and self._is_post:
            self.shared.collector.refuse(Reason.INCOMPLETE, self._taken_body(), self._agent, self._site or "")
        self._taken_body()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if len(data) > (_PIECE_BYTES if self._stage == HEAD else MAX_HEAD_BYTES):
            for start in range(0, len(data), _PIECE_BYTES):
                if not self.transport.is_closing():
                    self.data_received(data[start : start + _PIECE_BYTES])
        elif self._stage == IDLE and not self._ordinary:
            head = data if data.endswith(END) else data[: data.find(END) + len(END)]  # most preflights are all head
            said = self.shared.heads.find(head)
            if said is not None and len(data) == len(head) + said.length:
                self._since = self.shared.now
                self._answer(said, data[len(head) :])
                return
            self._said = None
            self._parse(data)
            self._remember(data)
        elif self._past_parser:
            self._take_past_parser(data)
        elif self._stage != OVER:
            self._parse(data)

    def _remember(self, data: bytes) -> None:
        """Only if one request came and nothing else, and it is answered: then its head ends at the first empty line."""
        said, head = self._said, data[: data.find(END) + len(END)]
        if said is not None and self._begun == 1 and len(data) == len(head) + said.length:
            self.shared.heads.remember(head, said)

    def _parse(self, data: bytes) -> None:
        before, self._begun = self._stage, 0
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if self.parser is None:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # they end no answer that is due
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # RFC 9110 §7.8 lets us ignore the offer, but the parser leaves the body of such a request unread.
            if self._hot and self._stage == BODY:
                self._past_parser = True
                self._take_past_parser(data[upgrade.args[0] :])
            elif self._hot:  # its body is refused
                self._stage = OVER
                self.transport.close()
            elif self.cycle is not None:
                self._stage, self.cycle.keep_alive = OVER, False  # what follows is this request's body, not another one
        except httptools.HttpParserError:
            self._refuse_bytes(shape(data, begins=before == IDLE))
        if self._stage != OVER and before in (IDLE, self._stage) and self._begun == (before != self._stage):
            self._read += len(data)  # all of this read
            if is_endless(self._read, self._fed, self.shared.collector.max_body_bytes):
                self._overflow()

    def _refuse_bytes(self, seen: bytes) -> None:
        if not self.transport.is_closing() and self._stage != OVER:
            self._write(self.shared.collector.refuse(Reason.BAD_HTTP, seen, None, self._site or "", self._method))
            self._stage = OVER
            self.transport.close()

    def _take_past_parser(self, data: bytes) -> None:
        """The declared bytes, then the answer, then the end of the connection."""
        self.on_body(data)
        if self._stage == BODY and len(self._body) < self._declared:
            return
        if self._stage == BODY:
            self._answer(self._head(keeps=False), self._taken_body()[: self._declared])
        self._stage = OVER
        self.shared.turn.end()
        self.transport.close()

    def _overflow(self) -> None:
        """What is endless; or of a refused body enough was read to let the answer through."""
        if self._stage == HEAD or (self._stage == BODY and self._hot):
            refuse = self.shared.collector.refuse
            self._write(refuse(Reason.HEAD_TOO_LARGE, b"", self._agent, self._site or "", self._method))
            self._stage = OVER
        self._end("too-large")

    # the parser's callbacks

    def on_message_begin(self) -> None:
        self._begun += 1
        if self._stage == OVER:  # RFC 9112 §9.6: what follows the last request is not looked at
            return
        self.url = b""
        self._stage, self._since, self._read, self._fed = HEAD, self.shared.now, 0, 0
        self._routed = self._hot = self.expect_100_continue = False
        self._site = self._type = self._agent = self._origin = self._referer = None
        self._body, self._declared = b"", 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage != HEAD:
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
        else:
            self._be_ordinary()
            super().on_message_begin()
            self.url = url

    def on_headers_complete(self) -> None:
        if self._stage != HEAD:
            return
        if not self._routed:
            self._route()
        self._stage = BODY
        if not self._hot:
            super().on_headers_complete()
        elif self._declared > self.shared.collector.max_body_bytes:
            self._refuse_body(Reason.TOO_LARGE)
        elif self.expect_100_continue:
            self.shared.turn.end()
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._fed += len(body)
        if self._stage != BODY:
            return
        if not self._hot:
            super().on_body(body)
            return
        if not self._body:
            self._body = body
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body
        self.shared.collector.unfinished += len(body)
        if len(self._body) > self.shared.collector.max_body_bytes:
            self._refuse_body(Reason.TOO_LARGE)
        elif self.shared.collector.unfinished > MOST_UNFINISHED and len(self._body) != self._declared:
            self._refuse_body(Reason.BUSY)

    def _refuse_body(self, reason: Reason) -> None:
        """Answered at once; the rest is read and dropped, because closing on unread bytes resets the answer away."""
        self._stage = REFUSED_BODY
        refuse = self.shared.collector.refuse
        self._write(refuse(reason, self._taken_body(), self._agent, self._site or "", self._method))

    def _taken_body(self) -> bytes:
        """What has come of it; no longer held here."""
        body, self._body = bytes(self._body), b""
        self.shared.collector.unfinished -= len(body)
        return body

    def on_message_complete(self) -> None:
        if self._stage == OVER or (self._hot and self.parser.should_upgrade()):
            return
        stage, self._stage, self._since = self._stage, IDLE, self.shared.now
        self._read = self._fed = 0
        if not self._hot:
            super().on_message_complete()
        elif stage == REFUSED_BODY:
            self._stage = OVER
            self.transport.close()
        else:
            said = self._head(keeps=self.parser.should_keep_alive())
            self._said = None if self.expect_100_continue else said
            self._answer(said, self._taken_body())

    def _head(self, *, keeps: bool) -> Head:
        query = self.url.partition(b"?")[2]
        told = Told.of(self._site or "", self._type, self._agent, self._origin, self._referer, query)
        return Head(self._is_post, self._declared, keeps, told)

    def _answer(self, said: Head, body: bytes) -> None:
        shared = self.shared
        if not said.keeps:
            self._stage = OVER
        if said.is_post:
            clients = shared.collector.clients
            over = clients is not None and self._is_over(clients)
            shared.turn.add((None if over else body, said.told), self.transport, keeps=said.keeps)
        elif said.told.site:
            self._allow(keeps=said.keeps)
        else:
            self._finish(shared.collector.preflight(""), keeps=said.keeps)
