"""Traffic as it lies in a collector's spool: real segments, and deliveries as `Collector.accept` writes them."""

import time
from collections.abc import Callable
from pathlib import Path

from ingest.told import Told
from loadtest.traffic.model import Post, Totals, Traffic
from log.segments import SegmentWriter
from schema import delivery
from schema.delivery import Kind
from schema.violation import WINDOW_SECONDS

SITE = "default"
_UNBOUNDED = 1 << 40  # bytes: a quota for nobody
_AT_ONCE = 1000  # deliveries a write: many times faster than the collector's one, and the same bytes
WORKER = "0"  # the name of a collector worker's folder


def write(traffic: Traffic, data_dir: Path, progress: Callable[[int], None] = lambda _reports: None) -> Totals:
    """All of `traffic` into the spool of `data_dir`, where `csp-sentinel process` finds it. Says what must be stored.

    `progress` is told how many reports more are written.
    """
    began = _last_window_ms()
    writer = SegmentWriter(data_dir / "spool" / WORKER, _UNBOUNDED)
    records: list[bytes] = []
    reports = 0
    try:
        for post in traffic:
            records.append(encoded(post, began))
            reports += post.reports
            if len(records) == _AT_ONCE:
                writer.append(records)
                progress(reports)
                records, reports = [], 0
        if records:
            writer.append(records)
            progress(reports)
    finally:
        writer.close()
    return traffic.totals


def encoded(post: Post, began_ms: int) -> bytes:
    """One delivery; `began_ms` is when the traffic began, since the epoch."""
    origin = post.origin.encode()
    fields = (began_ms + post.at_ms, SITE, Kind.REPORTS, post.entries, post.agent.text.encode(), post.body)
    return delivery.encode(fields + Told.of(SITE, None, None, origin, origin + b"/").last_fields(None))


def _last_window_ms() -> int:
    """When the last whole window began: everything in it is over, and far from any retention."""
    return (int(time.time()) // WINDOW_SECONDS - 1) * WINDOW_SECONDS * 1000
