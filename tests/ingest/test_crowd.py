"""One network that holds all connections: others find a place."""

import http.client
import socket

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


def test_a_network_alone_has_all_of_them_and_no_more(collector):
    crowd = [socket.create_connection(("127.0.0.1", collector.port), timeout=20) for _ in range(CAP)]
    client = post_from("127.0.0.1", collector)
    assert client.getresponse().status == 503
    for connection in crowd:
        connection.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(LEGACY) + LEGACY)
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
        connection.close()
    client.close()
