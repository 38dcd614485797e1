"""The hot path and nothing else, for a program that counts its instructions: `python -m loadtest.hot_path WHAT CALLS`.

Counted for N and for 2N calls, the difference is the cost of N: what a start costs falls out.
"""

import asyncio
import gc
import sys
import tempfile
from pathlib import Path

from uvicorn import Config
from uvicorn.server import ServerState

from ingest.asgi import AsgiCollector
from ingest.collector import Collector
from ingest.edge import Edge
from ingest.limits import Clients
from ingest.shared import Shared
from ingest.spool import Spool
from ingest.told import Told
from loadtest.bench.requests import Request, arrays, legacy
from loadtest.spooled import SITE, encoded
from loadtest.traffic.model import Traffic
from log.segments import SegmentWriter
from processor.fold import fold
from processor.repeats import Repeats
from schema import delivery
from schema.sites import MOST_RATE, Site, Sites

_SPOOL_BYTES = 1 << 30
_FULL_BYTES, _PIECES = 128 << 20, 15  # sixteenths: a spool above nine tenths, where shares are looked at
_ADDRESS = "192.0.2.7"
_CONNECTIONS = 16
_HEADERS = ("Content-Type", "User-Agent", "Origin", "Referer")
MOST = 2000  # calls; traffic is made for all of them, so that making it falls out too
_BATCH = 250  # deliveries
_BEGAN_MS = 1_793_577_600_000  # any moment


def accept(calls: int, its: str = "") -> int:
    """Bodies of 900 B through `Collector.accept`, into a spool. Returns how many it took.

    `its` is what is asked of each besides: `limit`, its site's rate limit; `network`, that of its client's network;
    `connection`, the same where every report comes on a connection of its own; `full`, the spool's shares. With `array`
    the bodies are arrays of ten.
    """
    taken = [
        (request.body, Told.of(SITE, *(request.headers[name].encode() for name in _HEADERS)))
        for request in (arrays() if its == "array" else legacy())
    ]
    with tempfile.TemporaryDirectory() as folder:
        writer = SegmentWriter(Path(folder) / "spool", _FULL_BYTES if its == "full" else _SPOOL_BYTES)
        for _ in range(_PIECES if its == "full" else 0):
            writer.append([bytes(_FULL_BYTES // 16)])
        writer.tend()
        sites = Sites({SITE: Site(rate_limit=MOST_RATE)} if its == "limit" else None)
        rate = MOST_RATE if its in {"network", "connection"} else 0
        collector = Collector(Spool(writer, hold=False), sites, 256 << 10, client_rate=rate)
        cells = Clients(MOST_RATE).cells(_ADDRESS)
        for call in range(calls):
            if collector.clients:
                collector.is_over(_ADDRESS) if its == "connection" else collector.is_over_at(collector.clients, cells)
            collector.accept(*taken[call % len(taken)])
        writer.close()
    return calls


def edge(calls: int, request: Request) -> int:
    """Whole requests through the fast edge, from a read to the answer, sixteen connections a turn of the event loop."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"POST /csp/report HTTP/1.1\r\nHost: c\r\n{lines}Content-Length: {len(request.body)}\r\n\r\n"
    asyncio.run(_fed(head.encode() + request.body, calls))
    return calls


async def _fed(whole: bytes, calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = SegmentWriter(Path(folder) / "spool", _SPOOL_BYTES)
        collector = Collector(Spool(writer, hold=False), Sites(), 256 << 10)
        shared, config = Shared(collector, _CONNECTIONS), Config(AsgiCollector(collector), log_config=None)
        its = {"config": config, "server_state": ServerState(), "app_state": {}}
        connections = [Edge(shared, **its) for _ in range(_CONNECTIONS)]
        for connection in connections:
            connection.connection_made(_Nowhere())
        for call in range(calls):
            connections[call % _CONNECTIONS].data_received(whole)
            if call % _CONNECTIONS == _CONNECTIONS - 1:
                shared.turn.end()
        writer.close()


class _Nowhere(asyncio.Transport):
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nobody reads it."""

    def is_closing(self) -> bool:
        return False


def folding(shape: str, calls: int) -> int:
    """So many deliveries from the log's bytes to rows. Returns how many reports were in them."""
    posts = [post for post, _ in zip(Traffic(shape, 50 * MOST, seed=7), range(MOST), strict=False)][:calls]
    records = [encoded(post, _BEGAN_MS) for post in posts]
    repeats, types, sites = Repeats(), set[str](), Sites()
    for start in range(0, calls, _BATCH):
        fold([delivery.decode(record) for record in records[start : start + _BATCH]], (), sites, types, repeats)
    return sum(post.reports for post in posts)


def main(arguments: list[str]) -> int:
    """Prints the number of reports: of bodies, where these are arrays."""
    what, calls = arguments[0], int(arguments[1])
    gc.disable()
    if what.startswith("edge"):
        print(edge(calls, (arrays() if what == "edge-array" else legacy())[0]))
    elif what.startswith("accept"):
        print(accept(calls, what.removeprefix("accept").removeprefix("-")))
    else:
        print(folding(what.removeprefix("fold-"), calls))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
