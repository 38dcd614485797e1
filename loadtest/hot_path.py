"""The hot path and nothing else, for a program that counts its instructions: `python -m loadtest.hot_path WHAT CALLS`.

Counted for N and for 2N calls, the difference is the cost of N: what a start costs falls out.
"""

import gc
import sys
import tempfile
from pathlib import Path

from ingest.collector import Collector
from ingest.spool import Spool
from ingest.told import Told
from loadtest.bench.requests import legacy
from loadtest.spooled import SITE, encoded
from loadtest.traffic import Traffic
from log.segments import SegmentWriter
from processor.fold import fold
from processor.repeats import Repeats
from schema import delivery
from schema.sites import Sites

_SPOOL_BYTES = 1 << 30
_HEADERS = ("User-Agent", "Origin", "Referer")
MOST = 2000  # calls; traffic is made for all of them, so that making it falls out too
_BATCH = 250  # deliveries
_BEGAN_MS = 1_793_577_600_000  # any moment


def accept(calls: int) -> int:
    """Reports of 900 B through `Collector.accept`, into a spool. Returns how many reports it took."""
    taken = [
        (request.body, Told(SITE, b"application/csp-report", *(request.headers[name].encode() for name in _HEADERS)))
        for request in legacy()
    ]
    with tempfile.TemporaryDirectory() as folder:
        writer = SegmentWriter(Path(folder) / "spool", _SPOOL_BYTES)
        collector = Collector(Spool(writer, hold=False), Sites(), 256 << 10)
        for call in range(calls):
            collector.accept(*taken[call % len(taken)])
        writer.close()
    return calls


def folding(shape: str, calls: int) -> int:
    """So many deliveries from the log's bytes to rows. Returns how many reports were in them."""
    posts = [post for post, _ in zip(Traffic(shape, 50 * MOST, seed=7), range(MOST), strict=False)][:calls]
    records = [encoded(post, _BEGAN_MS) for post in posts]
    repeats, types, sites = Repeats(), set[str](), Sites()
    for start in range(0, calls, _BATCH):
        fold([delivery.decode(record) for record in records[start : start + _BATCH]], (), sites, types, repeats)
    return sum(post.reports for post in posts)


def main(arguments: list[str]) -> int:
    """Prints the number of reports."""
    what, calls = arguments[0], int(arguments[1])
    gc.disable()
    print(accept(calls) if what == "accept" else folding(what.removeprefix("fold-"), calls))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
