"""The open-loop client against a server that answers, one that refuses, and one that goes away."""

import contextlib
import socketserver
import threading

import pytest

from loadtest.bench.latency import wire
from loadtest.bench.requests import legacy
from loadtest.openloop import CONNECTIONS, Client, spread

GOOD = b"HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n"
BAD = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: 15\r\n\r\n"
    b'{"status": 503}'
)


class Answering(socketserver.ThreadingTCPServer):
    """`answer` to each whole request; with `parts`, byte after byte; None hangs up."""

    request_queue_size = CONNECTIONS

    def __init__(self, answer, parts=False):
        super().__init__(("127.0.0.1", 0), Connection)
        self.answer = [answer] if answer is None or not parts else [bytes([byte]) for byte in answer]
        self.port, self.bodies = self.server_address[1], []

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()  # when all connections are


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        with contextlib.suppress(ConnectionError):
            while self._take() and self.server.answer != [None]:
                for part in self.server.answer:
                    self.wfile.write(part)

    def _take(self):
        """Whether there was one more request."""
        length = 0
        while (line := self.rfile.readline()) not in (b"", b"\r\n"):
            if line.lower().startswith(b"content-length: "):
                length = int(line.split()[1])
        if line:
            self.server.bodies.append(self.rfile.read(length))
        return bool(line)


def asked(server, rate=500, seconds=0.4):
    requests = [wire(request, "/csp/report") for request in legacy()[:3]]
    client = Client("127.0.0.1", server.port, requests, rate)
    try:
        return client.run(seconds)
    finally:
        client.close()


@pytest.mark.parametrize("parts", [False, True])
def test_as_many_requests_are_sent_as_the_rate_says_and_each_is_whole(parts):
    with Answering(GOOD, parts) as server:
        found = asked(server)
        assert (found.wrong, found.unanswered) == (0, 0)
        assert len(server.bodies) == 200
        assert set(server.bodies) == {request.body for request in legacy()[:3]}
    assert 0 < found.latency["p50"] <= found.latency["p99.9"] <= found.latency["max"]


@pytest.mark.parametrize(("answer", "parts"), [(BAD, False), (BUSY, False), (BUSY, True)])
def test_answers_but_204_are_counted_with_a_body_too_and_the_next_request_is_sent(answer, parts):
    with Answering(answer, parts) as server:
        found = asked(server)
        assert (found.wrong, found.unanswered) == (200, 0)
        assert len(server.bodies) == 200


def test_a_server_that_hangs_up_ends_the_run_and_is_no_success():
    with Answering(None) as server:
        found = asked(server)
    assert found.wrong == CONNECTIONS
    assert found.unanswered == 200


def test_a_spread_of_nothing_is_nothing_and_the_longest_is_the_longest():
    assert spread([])["max"] == 0
    found = spread([index / 1000 for index in range(1000)])
    assert (found["p50"], found["p99"], found["max"]) == (0.5, 0.99, 0.999)
