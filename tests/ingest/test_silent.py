"""granian: connections on which nothing comes end as they do on the fast edge, and keep no worker from stopping."""

import contextlib
import socket
import time
from collections.abc import Iterator

from ingest.silent import end_silent
from tests.support.collectors import RunningCollector
from tests.support.waiting import is_readable, wait_for

LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/"}}'
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4" + bytes(5)  # and empty settings
BEGUN = {
    "nothing": b"",
    "a letter": b"P",
    "half of HTTP/2's preface": PREFACE[:10],
    "HTTP/2 without a request": PREFACE,
    "half a head": b"POST /csp/report HTTP/1.1\r\nHost",
}


@contextlib.contextmanager
def opened(port: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as held:
        clients = [held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in BEGUN]
        for client, begun in zip(clients, BEGUN.values(), strict=True):
            client.sendall(begun)
        yield clients


def is_ended(client: socket.socket) -> bool:
    while is_readable(client):
        if not client.recv(1000):
            return True
    return False


def test_whatever_was_begun_a_connection_on_which_nothing_comes_is_ended(tmp_path):
    collector = RunningCollector("granian", tmp_path, "import ingest.servers as s; s.IDLE_SECONDS = 2")
    with opened(collector.port) as clients:
        wait_for("all are ended", lambda: all(map(is_ended, clients)))
    assert collector.post(LEGACY).status == 204
    assert collector.stop() == 0


def test_a_worker_stops_beside_them(tmp_path):
    collector = RunningCollector("granian", tmp_path)
    with opened(collector.port) as clients:
        assert collector.post(LEGACY).status == 204
        assert collector.stop() == 0
        assert all(map(is_ended, clients))


def test_a_connection_that_speaks_stays(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        quiet, other = socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port))
        served = [listener.accept()[0] for _ in range(2)]
        time.sleep(0.5)
        other.sendall(b"x")
        end_silent(port, 0.4)
        assert [is_ended(client) for client in (quiet, other)] == [True, False]
        assert listener.fileno() > 0
        for one in (quiet, other, *served):
            one.close()
