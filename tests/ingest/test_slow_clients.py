"""Clients that take their time: the fast edge ends them, because uvicorn would not."""

import socket
import time

import pytest

from schema.reasons import Reason
from tests.support.collectors import RunningCollector

BODY = b'{"csp-report":{"document-uri":"https://a.example/"}}'
SHORT = "import ingest.connection as e; e.REQUEST_SECONDS = e.IDLE_SECONDS = 1"


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    running = RunningCollector("fast", tmp_path_factory.mktemp("slow"), SHORT, max_connections=20)
    yield running
    assert running.stop() == 0


def connect(collector: RunningCollector) -> socket.socket:
    return socket.create_connection(("127.0.0.1", collector.port), timeout=6)


def test_a_head_that_does_not_come_to_its_end_is_answered_408_and_closed(collector):
    with connect(collector) as slow:
        slow.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\n")
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert slow.recv(1000) == b""


def test_a_body_that_trickles_is_answered_408_and_counted_as_incomplete(collector):
    with connect(collector) as slow:
        slow.sendall(b"POST /csp/report/slow HTTP/1.1\r\nHost: c\r\nContent-Length: 500\r\n\r\n")
        answer = b""
        slow.settimeout(0.2)
        ends = time.monotonic() + 6
        while not answer and time.monotonic() < ends:
            slow.sendall(b" ")
            try:
                answer = slow.recv(1000)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")
    time.sleep(0.3)
    assert [found.detail for found in collector.deliveries() if found.site == "slow"] == [Reason.INCOMPLETE]


def test_a_body_for_a_site_that_is_gone_is_answered_204_where_it_does_not_come(tmp_path):
    (tmp_path / "sites.toml").write_text("[sites.old]\ngone = true\n")
    short = "import ingest.connection as c, ingest.asgi as a; c.REQUEST_SECONDS = a.REQUEST_SECONDS = 1"
    collector = RunningCollector("fast", tmp_path, short, sites=str(tmp_path / "sites.toml"))
    for path in (b"old", b"%6fld"):
        with connect(collector) as connection:
            connection.sendall(b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Length: 100\r\n\r\n{" % path)
            assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
    collector.stop()


def test_a_connection_that_says_nothing_is_closed(collector):
    with connect(collector) as idle:
        assert idle.recv(1000) == b""
    with connect(collector) as idle:
        idle.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
        assert idle.recv(1000).startswith(b"HTTP/1.1 204 ")
        assert idle.recv(1000) == b""


def test_a_connection_that_asked_for_something_else_is_kept_as_long(tmp_path):
    """Who reports through a proxy's kept connection must not meet its end: uvicorn's own five seconds are not ours."""
    collector = RunningCollector("fast", tmp_path)
    with connect(collector) as kept:
        kept.sendall(b"GET /health HTTP/1.1\r\nHost: c\r\n\r\n")
        came = kept.recv(1000)
        while not came.endswith(b"ok\n"):
            came += kept.recv(1000)
        time.sleep(6)
        kept.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
        assert kept.recv(1000).startswith(b"HTTP/1.1 204 ")
    assert collector.stop() == 0


def test_connections_over_the_cap_are_answered_503(collector):
    held = [connect(collector) for _ in range(20)]
    time.sleep(0.2)
    with connect(collector) as one_more:
        assert one_more.recv(1000).startswith(b"HTTP/1.1 503 ")
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert collector.post(BODY).status == 204


def test_a_client_that_sends_and_never_reads_is_not_read_either(collector):
    post = b"POST /csp/report/deaf HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    with connect(collector) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(2)
        with pytest.raises((TimeoutError, ConnectionError)):
            deaf.sendall(post * 400_000)
    assert collector.post(BODY).status == 204
