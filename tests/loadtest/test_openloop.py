"""The open-loop client against a server that answers, one that refuses, and one that goes away."""

import asyncio
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


class Answering:
    """A server in a thread: `answer` to each whole request; with `parts`, byte after byte; None hangs up."""

    def __init__(self, answer, parts=False):
        self._answer, self._parts = answer, parts
        self.bodies = []
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        started.wait()

    async def _serve(self, started):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=CONNECTIONS)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(length))
                if self._answer is None:
                    break
                for part in [bytes([byte]) for byte in self._answer] if self._parts else [self._answer]:
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


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


def test_answers_but_204_are_counted():
    with Answering(BAD) as server:
        assert asked(server).wrong == 200


@pytest.mark.parametrize("parts", [False, True])
def test_an_answer_with_a_body_is_counted_and_the_next_request_is_sent(parts):
    with Answering(BUSY, parts) as server:
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
