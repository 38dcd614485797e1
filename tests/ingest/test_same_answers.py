"""Whatever bytes come, in whatever pieces: with heads that are known the answers and the reports are the same."""

import asyncio
import itertools
import re

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState

from ingest.asgi import AsgiCollector
from ingest.collector import Collector
from ingest.edge import Edge
from ingest.shared import Shared
from schema.sites import Sites

REPORT = b'{"csp-report":{"document-uri":"https://a.example/"}}'
OTHER = b'{"csp-report":{"document-uri":"https://b.example/"}}'
POST = b"POST /csp/report/shop HTTP/1.1\r\nHost: c\r\nUser-Agent: x\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(REPORT)
REQUESTS = [
    POST + LENGTH + b"\r\n" + REPORT,
    POST + LENGTH + b"\r\n" + OTHER,
    POST + b"Content-Length: 2\r\n\r\n{}",
    POST + b"Content-Length: 0\r\n\r\n",
    POST + b"\r\n",
    POST + b"content-length: 500\r\n\r\n" + b" " * 500,
    POST + b"Content-Length: 2000\r\n\r\n" + b" " * 2000,  # over the limit
    POST + LENGTH + b"Expect: 100-continue\r\n\r\n" + REPORT,
    POST + LENGTH + b"Connection: close\r\n\r\n" + REPORT,
    POST + LENGTH + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + REPORT,
    POST + LENGTH + b"X-Long: " + b"x" * 3000 + b"\r\n\r\n" + REPORT,
    POST + LENGTH + LENGTH + b"\r\n" + REPORT,
    POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + REPORT,
    POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(REPORT), REPORT),
    POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n",
    POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n\r\n\r\n",
    POST.replace(b"1.1", b"1.0") + LENGTH + b"\r\n" + REPORT,
    POST.replace(b"1.1", b"1.0") + LENGTH + b"Connection: keep-alive\r\n\r\n" + REPORT,
    POST.replace(b"shop", b"Bad") + LENGTH + b"\r\n" + REPORT,
    POST.replace(b"/shop", b"?k=1") + LENGTH + b"Origin: https://a.example\r\nReferer: x\r\n\r\n" + REPORT,
    POST.replace(b"/csp/report", b"/nothing") + LENGTH + b"\r\n" + REPORT,
    b"OPTIONS /csp/report HTTP/1.1\r\nHost: c\r\n\r\n",
    b"OPTIONS /csp/report/Bad HTTP/1.1\r\nHost: c\r\n\r\n",
    b"OPTIONS /csp/report HTTP/1.1\r\n" + LENGTH + b"\r\n" + REPORT,
    b"OPTIONS /csp/report HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: c\r\n\r\n",
    b"GET /csp/report HTTP/1.1\r\nHost: c\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    REPORT,
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01",
]


class KeptSpool:
    waits = full = False

    def __init__(self) -> None:
        self.kept: list[tuple] = []

    def append(self, *deliveries: tuple) -> None:
        self.kept += [fields[1:] for fields in deliveries]  # without the time


class Client(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.came, self.closed = b"", False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.came += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """As the loop's own."""

    resume_reading = pause_reading


class Worker:
    def __init__(self) -> None:
        self.spool = KeptSpool()
        self.collector = Collector(self.spool, Sites(), 1000)
        self.shared = Shared(self.collector, 100)
        self.config = Config(AsgiCollector(self.collector), log_config=None, access_log=False, ws="none")
        self.config.load()

    async def talk(self, pieces: list[bytes], *, knows: bool = True) -> tuple[bytes, bool]:
        """Everything one client is told, and whether it is closed on."""
        client = Client()
        edge = Edge(self.shared, config=self.config, server_state=ServerState(), app_state={})
        edge.connection_made(client)
        for piece in pieces:
            if not knows:
                self.shared.heads.__init__()
            if not client.closed:
                edge.data_received(piece)
                await self._turns()
        closed = client.closed
        edge.shutdown()
        edge.connection_lost(None)
        await self._turns()
        return re.sub(rb"date: [^\r]*", b"", client.came), closed

    async def _turns(self) -> None:
        """For what uvicorn answers in tasks."""
        for _ in range(8):
            await asyncio.sleep(0)


@st.composite
def streams(draw) -> list[bytes]:
    """A client's bytes in pieces: cut at requests, and anywhere."""
    requests = draw(st.lists(st.sampled_from(REQUESTS[:1] * 8 + REQUESTS), min_size=1, max_size=8))
    sent = b"".join(requests)
    ends = [len(b"".join(requests[: number + 1])) for number in range(len(requests))]
    cuts = {end for end in ends if draw(st.integers(0, 3))} | draw(st.sets(st.integers(0, len(sent)), max_size=3))
    if draw(st.booleans()):
        cuts |= {end - draw(st.integers(1, 60)) for end in ends}
    places = sorted(cut for cut in cuts | {0, len(sent)} if 0 <= cut <= len(sent))
    return [sent[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=400, deadline=None)
@given(st.lists(streams(), min_size=1, max_size=3))
def test_known_heads_change_no_answer_and_no_report(clients):
    async def compare() -> None:
        knowing, parsing = Worker(), Worker()
        for request in REQUESTS:
            await knowing.talk([request])
        knowing.spool.kept.clear()
        for pieces in clients:
            assert await knowing.talk(pieces) == await parsing.talk(pieces, knows=False)
            assert sorted(knowing.spool.kept, key=repr) == sorted(parsing.spool.kept, key=repr)

    uvloop.run(compare())


def test_requests_that_are_known_are_not_parsed():
    """Without this the test above could compare the parser with itself."""

    async def know() -> list[bool]:
        worker, parsed = Worker(), []
        for request in REQUESTS:
            await worker.talk([request])
        for request in REQUESTS:
            edge = Edge(worker.shared, config=worker.config, server_state=ServerState(), app_state={})
            edge.connection_made(Client())
            edge.data_received(request)
            parsed.append(edge.parser is not None)
            edge.connection_lost(None)
            worker.shared.turn.end()
        return [request for request, its in zip(REQUESTS, parsed, strict=True) if not its]

    known = uvloop.run(know())
    assert known == [REQUESTS[at] for at in (0, 1, 2, 3, 4, 5, 8, 17, 18, 19, 20, 22, 23, 24, 25)]


@pytest.mark.parametrize("path", [b"/csp/report", b"/nothing"])
@pytest.mark.parametrize("first", [1000, 16_384, 65_536, 90_000, 1_000_000])
@pytest.mark.parametrize("length", [90_000, 180_000])
def test_a_long_head_is_refused_however_much_of_it_a_read_brings(path, first, length):
    head = b"POST " + path + b" HTTP/1.1\r\n" + b"X: y\r\n" * (length // 6) + LENGTH + b"\r\n" + REPORT

    async def send() -> tuple[bytes, bool]:
        return await Worker().talk([head[start : start + first] for start in range(0, len(head), first)])

    came, closed = uvloop.run(send())
    assert came.startswith(b"HTTP/1.1 431 ")
    assert came.count(b"HTTP/1.1 ") == 1
    assert closed


def test_a_long_body_is_the_same_in_one_read_and_in_many():
    body = b'{"csp-report":{"document-uri":"https://a.example/","x":"%b"}}' % (b"z" * 200_000)
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def send(size: int) -> tuple[bytes, list[tuple]]:
        worker = Worker()
        worker.collector.max_body_bytes = len(body)
        came, _ = await worker.talk([request[start : start + size] for start in range(0, len(request), size)])
        return came, worker.spool.kept

    assert uvloop.run(send(1000)) == uvloop.run(send(len(request)))
    came, kept = uvloop.run(send(len(request)))
    assert came.startswith(b"HTTP/1.1 204 ")
    assert len(kept) == 1
