"""One network that holds all connections: others find a place."""

import contextlib
import http.client
import socket
import time
from pathlib import Path

import pytest

from tests.support.collectors import RunningCollector

CAP = 40
LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/","blocked-uri":"https://evil.example/x.js"}}'
HALF = b"POST /csp/report/shop HTTP/1.1\r\nHost: c\r\nContent-Length: 90\r\n\r\n{"


@pytest.fixture
def collector(tmp_path):
    running = RunningCollector("fast", tmp_path, max_connections=CAP)
    yield running
    assert running.stop() == 0


def post_from(address: str, collector: RunningCollector) -> http.client.HTTPConnection:
    """The connection stays open."""
    client = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=20, source_address=(address, 0))
    with contextlib.suppress(BrokenPipeError):  # who is turned away has its answer before it is done asking
        client.request("POST", "/csp/report/blog", LEGACY)
    return client


@pytest.mark.parametrize("sent", [b"", HALF], ids=["idle", "half"])
def test_another_network_gets_half_of_the_places(collector, sent):
    crowd = [socket.create_connection(("127.0.0.1", collector.port), timeout=20) for _ in range(CAP)]
    for client in crowd:
        client.sendall(sent)
    others = [post_from("127.0.5.1", collector) for _ in range(CAP // 2)]
    assert [client.getresponse().status for client in others] == [204] * (CAP // 2)
    for client in [*crowd, *others]:
        client.close()


def sockets(collector: RunningCollector) -> int:
    found = 0
    for path in Path(f"/proc/{collector.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(path.readlink()).startswith("socket:")
    return found


def test_who_never_reads_an_answer_gives_its_place_at_once(tmp_path):
    collector = RunningCollector("fast", tmp_path, max_connections=4)
    rest = sockets(collector)
    with contextlib.ExitStack() as held:
        for _ in range(4):
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", collector.port))
            client.settimeout(0.3)
            with contextlib.suppress(TimeoutError):  # the worker reads no more: its answers have nowhere to go
                for _ in range(1000):
                    client.sendall(b"OPTIONS /csp/report HTTP/1.1\r\nHost: c\r\n\r\n" * 1000)
        others = [held.enter_context(contextlib.closing(post_from("127.0.5.1", collector))) for _ in range(2)]
        assert [client.getresponse().status for client in others] == [204] * 2
        ends = time.monotonic() + 10  # the sweep would need twice as long
        while sockets(collector) > rest + 4:
            assert time.monotonic() < ends
            time.sleep(0.05)
    assert collector.stop() == 0


def test_a_network_alone_has_all_of_them_and_no_more(collector):
    crowd = [socket.create_connection(("127.0.0.1", collector.port), timeout=20) for _ in range(CAP)]
    client = post_from("127.0.0.1", collector)
    assert client.getresponse().status == 503
    for connection in crowd:
        connection.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(LEGACY) + LEGACY)
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
        connection.close()
    client.close()
