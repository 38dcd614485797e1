"""A collector by a clock of our own, and what the processor makes of its spool: the same in each run."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from ingest.answers import ACCEPTED, Answer
from ingest.collector import Collector
from ingest.spool import Spool
from ingest.told import Told
from log.frame import HEADER, split
from log.segments import SegmentWriter, segments
from processor.fold import fold
from processor.folded import Folded
from processor.retries import Retries
from schema import delivery
from schema.delivery import Delivery
from schema.sites import Sites
from schema.violation import Violation

_BEGINS = 1_790_000_040  # s, when `now` is 0: the start of a minute


class Day:
    """`now` in s."""

    def __init__(self, folder: Path, sites: Sites) -> None:
        self.now = 1000.0
        self.sites = sites
        self._folder = folder
        self.writer = SegmentWriter(folder, 64 << 20)
        self.collector = Collector(Spool(self.writer, hold=False), sites, 1 << 18, clock=lambda: self.now)

    def post(self, site: str, *pages: int) -> None:
        entries = [{"type": "csp-violation", "age": 0, "body": body(page)} for page in pages]
        assert self.send(site, entries if len(pages) > 1 else {"csp-report": body(pages[0])}) is ACCEPTED

    def send(self, site: str, said: object, agent: bytes | None = None) -> Answer:
        with patch("ingest.collector.time", lambda: _BEGINS + self.now):
            return self.collector.accept(json.dumps(said).encode(), Told.of(site, None, agent, None, None))

    def use(self, sites: Sites) -> None:
        """Read again, by collector and processor."""
        self.sites = sites
        self.collector.use(sites)

    def deliveries(self) -> list[Delivery]:
        found = []
        for path in segments(self._folder):
            found += split(path.read_bytes()[len(HEADER) :], final=True).records
        return [delivery.decode(record) for record in found]

    def folded(self) -> Folded:
        found = self.deliveries()
        return fold(found, Retries().find(found), self.sites)


@contextmanager
def days() -> Iterator[list[Day]]:
    """Whose spools are closed in the end."""
    found: list[Day] = []
    yield found
    for day in found:
        day.writer.close()


def body(page: int) -> dict[str, object]:
    return {"documentURL": f"https://shop.example/{page}", "effectiveDirective": "img-src", "blockedURL": "data"}


def ledger(folded: Folded, site: str) -> dict[str, int]:
    """Checked to balance, in each minute."""
    found: dict[str, int] = {}
    surplus: dict[int, int] = {}
    for line, reports in folded.ledger.items():
        if line.site == site:
            found[line.outcome] = found.get(line.outcome, 0) + reports
            sign = 1 if line.outcome == "received" else -1
            surplus[line.minute] = surplus.get(line.minute, 0) + sign * reports
    assert set(surplus.values()) <= {0}
    return found


def violations(folded: Folded, site: str) -> list[Violation]:
    return [row.violation for row in folded.rows.values() if row.violation.site == site]


def estimated(rows: Sequence[Violation]) -> float:
    return sum(row.estimated for row in rows)
