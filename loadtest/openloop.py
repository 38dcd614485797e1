"""An open-loop HTTP client: requests at a constant rate, and latency counted from when each should have been sent.

So waiting is not hidden: a server that stands still for 100 ms makes all the requests of these 100 ms late, where a
client that waits for each answer would see one. Debian's wrk can't do this. One thread that never sleeps, on a core of
its own: event loops' timers are a millisecond apart, and at 20,000 requests/s twenty would come at once. It says how
late it was itself, so that a slow client is not taken for a slow server.

`python -m loadtest.openloop HOST PORT TABLE RATE SECONDS`; what came of it is JSON on standard output.
"""

import contextlib
import gc
import select
import socket
import sys
from array import array
from collections import deque
from pathlib import Path
from time import perf_counter

import msgspec

CONNECTIONS = 64
_READ_BYTES = 65536
_LAST_SECONDS = 10.0  # for answers that are still to come at the end
_ANSWER = b"HTTP/1.1 204"
_END = b"\r\n\r\n"
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


class Spread(msgspec.Struct):
    """Seconds, by the names of _QUANTILES."""

    seconds: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self.seconds[name]


class Result(msgspec.Struct):
    """`late`: how long after its moment a request was sent though a connection was free. `unanswered` at the end."""

    asked_rate: float
    rate: float  # answers a second
    latency: Spread
    late: Spread
    wrong: int  # answers but 204, and broken connections
    unanswered: int


def spread(seconds: "array[float]") -> Spread:
    found = sorted(seconds) or [0.0]
    return Spread({name: found[min(len(found) - 1, int(len(found) * share))] for name, share in _QUANTILES.items()})


class Client:
    """One run against one server; `requests` are whole, as they go over the wire, sent in turn."""

    def __init__(self, host: str, port: int, requests: list[bytes], rate: float) -> None:
        self._where = host, port
        self._requests = requests
        self._rate = rate
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._due: dict[int, float] = {}  # of the request under way, by connection
        self._free: deque[int] = deque()
        self._parts: dict[int, bytes] = {}  # of answers that have not come whole
        self._latencies = array("d")
        self._late = array("d")
        self._wrong = 0
        for _ in range(CONNECTIONS):
            self._connect()

    def _connect(self) -> None:
        made = socket.create_connection(self._where)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        self._sockets[made.fileno()] = made
        self._poll.register(made.fileno(), select.EPOLLIN)
        self._free.append(made.fileno())

    def run(self, seconds: float) -> Result:
        """Spins; where all connections wait, a request waits too, and its latency has begun."""
        total, sent = int(self._rate * seconds), 0
        began = perf_counter()
        last = began + seconds + _LAST_SECONDS
        waited = False  # the next request has waited for a connection: then it is not the client that is late
        while (sent < total or self._due) and (now := perf_counter()) < last and self._sockets:
            while sent < total and (due := began + sent / self._rate) <= now:
                if not self._free:
                    waited = True
                    break
                self._send(sent, due, now, count=not waited)
                waited = False
                sent += 1
                now = perf_counter()
            for found, _event in self._poll.poll(0):
                self._receive(found)
        took = perf_counter() - began
        unanswered = total - len(self._latencies)
        answered = len(self._latencies) / took
        return Result(self._rate, answered, spread(self._latencies), spread(self._late), self._wrong, unanswered)

    def _send(self, number: int, due: float, now: float, *, count: bool) -> None:
        if count:
            self._late.append(now - due)
        chosen = self._free.popleft()
        self._due[chosen] = due
        text = self._requests[number % len(self._requests)]
        try:
            sent = self._sockets[chosen].send(text)
        except OSError:  # closed by the server, which has not been read yet
            sent = 0
        if sent != len(text):  # more than a socket's buffer holds: no request of ours is
            self._drop(chosen)

    def _receive(self, found: int) -> None:
        try:
            answer = self._sockets[found].recv(_READ_BYTES)
        except OSError:
            answer = b""
        if not answer or found not in self._due:  # closed, or nobody asked
            self._drop(found)
            return
        if found in self._parts:
            answer = self._parts.pop(found) + answer
        whole, right = answer.endswith(_END), answer.startswith(_ANSWER)
        if not whole and (right or _ANSWER.startswith(answer)):
            self._parts[found] = answer
            return
        self._latencies.append(perf_counter() - self._due.pop(found))
        if right:
            self._free.append(found)
        else:  # it may have a body, of which more is to come: another connection sends the next request
            self._drop(found)
            with contextlib.suppress(OSError):  # nobody listens any more
                self._connect()

    def _drop(self, found: int) -> None:
        self._wrong += 1
        self._due.pop(found, None)
        self._parts.pop(found, None)
        with contextlib.suppress(ValueError):
            self._free.remove(found)
        self._poll.unregister(found)
        self._sockets.pop(found).close()

    def close(self) -> None:
        for made in self._sockets.values():
            made.close()
        self._poll.close()


def main(arguments: list[str]) -> int:
    host, port, table, rate, seconds = arguments
    requests = msgspec.msgpack.decode(Path(table).read_bytes(), type=list[bytes])
    client = Client(host, int(port), requests, float(rate))
    gc.disable()
    try:
        print(msgspec.json.encode(client.run(float(seconds))).decode())
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
