"""HTTP/2 by hand, because no library sends what an attacker does: rapid resets, streams without end (granian)."""

import contextlib
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.abuse.test_connections import LEGACY, resident, taken
from tests.support.collectors import RunningCollector

DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    running = RunningCollector("granian", tmp_path_factory.mktemp("h2"))
    yield running
    assert running.stop() == 0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """HPACK, RFC 7541 §6.2.2: not indexed, and no Huffman code."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def post(stream: int, *, ends: bool = False) -> bytes:
    fields = {b":method": b"POST", b":scheme": b"http", b":path": b"/csp/report/h2", b":authority": b"c"}
    block = b"".join(literal(name, value) for name, value in fields.items())
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)


def connect(collector: RunningCollector) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", collector.port), timeout=10)
    client.sendall(PREFACE + frame(SETTINGS, 0, 0))
    return client


def send(client: socket.socket, sent: bytes) -> None:
    """As far as the server lets us."""
    client.settimeout(3)
    try:
        client.sendall(sent)
        while client.recv(65536):
            pass
    except OSError:
        pass


def test_a_report_comes_in_by_http2(collector):
    before = taken(collector)
    with connect(collector) as client:
        client.sendall(post(1) + frame(DATA, END_STREAM, 1, LEGACY))
        ends = time.monotonic() + 20
        while taken(collector) == before and time.monotonic() < ends:
            time.sleep(0.02)
    assert taken(collector) == before + 1


RAPID_RESET = b"".join(
    post(stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8)) for stream in range(1, 20_000, 2)
)
STREAMS = b"".join(post(stream) for stream in range(1, 20_000, 2))
NEVER_ENDING = frame(HEADERS, 0, 1, literal(b"x", b"y")) + frame(CONTINUATION, 0, 1, literal(b"x", b"y" * 100)) * 20_000
PINGS = frame(PING, 0, 0, bytes(8)) * 50_000
ZERO = post(1) + frame(DATA, 0, 1) * 50_000


@pytest.mark.parametrize(
    "flood",
    [RAPID_RESET, STREAMS, NEVER_ENDING, PINGS, frame(SETTINGS, 0, 0) * 50_000, ZERO],
    ids=["rapid reset", "streams", "continuation", "ping", "settings", "empty data"],
)
def test_floods_of_frames_take_little_memory_and_others_reports_get_in_meanwhile(collector, flood):
    before = resident(collector)

    def attack(_: int) -> None:
        with connect(collector) as client:
            send(client, flood)

    with ThreadPoolExecutor(4) as attackers:
        attacks = [attackers.submit(attack, number) for number in range(4)]
        statuses = [collector.post(LEGACY).status]
        while not all(attack.done() for attack in attacks):
            statuses.append(collector.post(LEGACY).status)
    for its in attacks:
        its.result()
    assert set(statuses) == {204}
    assert resident(collector) - before < 100
    assert collector.process.poll() is None


@pytest.mark.parametrize("flood", [RAPID_RESET, NEVER_ENDING], ids=["rapid reset", "continuation"])
def test_a_connection_that_only_resets_or_never_ends_a_head_is_ended(collector, flood):
    with connect(collector) as client, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        client.sendall(flood)
        while client.recv(65536):  # until it is closed; else the test ends by its timeout
            pass
