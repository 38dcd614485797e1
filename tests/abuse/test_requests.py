"""Requests that can be read in two ways, that grow, or that nest: nothing is smuggled, nothing falls over."""

import contextlib
import gzip
import socket
import time

import pytest

from schema.delivery import Kind
from tests.abuse.test_connections import LEGACY, POST, resident, taken
from tests.support.collectors import RunningCollector

SMUGGLED = b"POST /csp/report/smuggled HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(LEGACY) + LEGACY
HEAD = b"POST /csp/report/outer HTTP/1.1\r\nHost: c\r\n"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LEGACY), LEGACY)


@pytest.fixture(scope="module", params=["fast", "granian"])
def collector(request, tmp_path_factory):
    running = RunningCollector(request.param, tmp_path_factory.mktemp("abuse"))
    yield running
    assert running.stop() == 0


# How long the outer body is depends on whom one believes; what follows must not become a request for the other reader.
TWO_READINGS = {
    "length and chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked and length": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n" % (5 + len(SMUGGLED))
    + SMUGGLED,
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "a list of lengths": HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "a length with a sign": HEAD + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "a length in hexadecimal": HEAD + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length no number holds": HEAD + b"Content-Length: 18446744073709551616\r\n\r\n" + SMUGGLED,
    "a blank before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked before another coding": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded line": HEAD + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size that overflows": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "a chunk size with a sign": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
    "a chunk longer than its size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "a NUL in a name": HEAD + b"Content-Length\0: 0\r\n\r\n" + SMUGGLED,
    "chunked after a tab": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings in two lines": HEAD
    + b"Transfer-Encoding: identity\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "an end of line within a chunk's extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0;a=\nb\r\n\r\n" + SMUGGLED,
}


def smuggled(collector: RunningCollector) -> int:
    return sum(its.site == "smuggled" for its in collector.deliveries())


@pytest.mark.parametrize("which", TWO_READINGS)
def test_what_can_be_read_in_two_ways_ends_the_connection(collector, which):
    before = smuggled(collector)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.sendall(TWO_READINGS[which])
        came = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):  # until it is closed; else the test ends by its timeout
                came += part
    assert came.count(b"HTTP/1.1 ") == came.count(b"HTTP/1.1 400 ") <= 1
    assert smuggled(collector) == before
    assert collector.post(LEGACY).status == 204


@pytest.mark.parametrize(
    ("path", "length"),
    [(b"/csp/report/outer", len(SMUGGLED)), (b"/elsewhere", len(SMUGGLED)), (b"/csp/report/outer", 300_000)],
    ids=["a report", "another path", "too long a report"],
)
def test_the_body_of_a_request_that_offers_another_protocol_is_no_request(collector, path, length):
    before = smuggled(collector)
    head = b"POST %b HTTP/1.1\r\nHost: c\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.sendall(head % (path, length))
        time.sleep(0.2)
        with contextlib.suppress(ConnectionError, TimeoutError):  # granian waits for the rest of a body
            connection.sendall(SMUGGLED)
            connection.settimeout(2)
            connection.recv(1000)
    assert collector.post(LEGACY).status == 204
    assert smuggled(collector) == before


def test_pipelined_requests_are_answered_in_order_and_each_is_taken(collector):
    before = taken(collector)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED
    came = collector.raw((POST + chunked) * 40, answers=80)
    assert came.count(b"HTTP/1.1 204 ") == 80
    assert taken(collector) == before + 80


def test_extensions_of_chunks_and_trailers_are_no_part_of_the_body(collector):
    trailed = b"%x;a=b\r\n%b\r\n0\r\nX-Sum: 9\r\n\r\n" % (len(LEGACY), LEGACY)
    came = collector.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + trailed)
    assert came.startswith(b"HTTP/1.1 204 ")
    assert collector.deliveries()[-1].body == LEGACY


@pytest.mark.parametrize(
    "bomb",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(20_000)),
        b"X: " + b"y" * 2_000_000 + b"\r\n",
        b"y" * 2_000_000 + b": x\r\n",
    ],
    ids=["many", "long", "a long name"],
)
def test_a_bomb_of_headers_is_refused_and_takes_no_memory(collector, bomb):
    before = resident(collector)
    try:
        came = collector.raw(HEAD + bomb + b"Content-Length: %d\r\n\r\n%b" % (len(LEGACY), LEGACY))
    except ConnectionError:  # it closed before all of it was sent
        came = b""
    assert not came.startswith(b"HTTP/1.1 2")
    assert collector.post(LEGACY).status == 204
    assert resident(collector) - before < 30


@pytest.mark.parametrize("path", [b"/csp/report/outer", b"/elsewhere"])
@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"0\r\nX: ", b"y" * 65_536),
        (b"1;x=", b"y" * 65_536),
        (b"", b"1;x=" + b"y" * 60_000 + b"\r\n{\r\n"),
    ],
    ids=["a trailer", "an extension", "extensions"],
)
def test_what_goes_on_without_end_around_chunks_is_refused_and_takes_no_memory(collector, path, begin, more):
    """A parser that puts a long value together again at every read would keep the worker's core to itself."""
    before = resident(collector)
    head = b"POST %b HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n" % path
    with (
        socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection,
        contextlib.suppress(ConnectionError),
    ):
        connection.sendall(head + begin)
        for _ in range(400):
            connection.sendall(more)
        pytest.fail("26 MB of it were read")
    assert collector.post(LEGACY).status == 204
    assert resident(collector) - before < 30


@pytest.mark.parametrize(
    "begin",
    [b"", b"POST /elsewhere HTTP/1.1\r\nHost: c\r\nContent-Length: 99999999999\r\n\r\n"],
    ids=["empty lines", "the body of what is not to be found"],
)
def test_what_nobody_wants_is_not_read_without_end(collector, begin):
    """And answered once, if at all."""
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(begin)
            for _ in range(4000):
                connection.sendall(b"\r\n" * 32_768)
            pytest.fail("260 MB of it were read")
        came = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65_536):
                came += part
    assert came.count(b"HTTP/1.1 ") <= 1
    assert collector.post(LEGACY).status == 204


def test_a_report_in_chunks_of_one_byte_is_taken(collector):
    """The framing is five times the report; each piece in a read of its own."""
    report = LEGACY.ljust(3000)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for byte in report:
            for part in (b"1\r\n", b"%c" % byte, b"\r\n"):
                connection.sendall(part)
                time.sleep(0.0001)
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
    assert collector.deliveries()[-1].body == report


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 250_000, 400),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, 400),
        (b'{"csp-report":{"document-uri":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", 400),
        (b"[" + b"{}," * 80_000 + b"{}]", 400),
    ],
    ids=["open", "objects", "in a report", "empty objects"],
)
def test_a_body_that_nests_or_repeats_without_end_is_refused(collector, body, status):
    assert collector.post(body).status == status
    assert collector.post(LEGACY).status == 204


def test_a_compressed_body_is_not_unpacked(collector):
    before = resident(collector)
    bomb = gzip.compress(bytes(200_000_000), 1)[:200_000]
    for encoding in ("gzip", "br", "zstd", "deflate"):
        assert collector.post(bomb, content_encoding=encoding).status == 400
    assert resident(collector) - before < 20
    kept = [its.body for its in collector.deliveries() if its.kind == Kind.REFUSAL and its.body[:2] == b"\x1f\x8b"]
    assert max(map(len, kept)) <= 2048
