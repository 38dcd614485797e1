"""Reports: what the collector takes, what the processor reads of it, and the rows it makes."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ingest.answers import ACCEPTED
from ingest.collector import Collector
from ingest.spool import Spool
from ingest.told import Told, site_of
from log.frame import frame, split
from log.reading import decode
from log.segments import SegmentWriter
from processor.fold import fold
from processor.normalise import normalise
from schema import report as reading
from schema.delivery import KEPT_BYTES, MOST_COUNT, USER_AGENT_BYTES, Delivery, Kind
from schema.report import SPELLINGS, Entry, EntryKind, Unreadable
from schema.signing import Signer
from schema.sites import Site, Sites
from tests.fuzz.pieces import pieces, text
from tests.support.reports import RECEIVED_MS
from tests.support.storable import assert_storable

MOST_BODY = 16_384
_REFUSED = {400, 403, 404, 413, 415}
_SITES = Sites(
    {
        "shop": Site(),
        "own": Site(hosts=("shop.example", "*.shop.example"), sample=0.5, keep_query=("page",)),
        "gone": Site(gone=True),
        "signed": Site(require_signature="refuse"),
    },
    signers={"signed": Signer("signed", ["0123456789abcdefghijklmnopqrstuvwxyz"])},
)


def report(body: bytes) -> None:
    """Both readers of a body say the same, and its entries are no more than its bytes."""
    counted = _outcome(reading.count, body)
    assert counted == _outcome(lambda body: len(reading.entries(body)), body)
    if isinstance(counted, int):
        assert counted <= len(body)


def _outcome(reader: Callable[[bytes], int], body: bytes) -> int | str:
    try:
        return reader(body)
    except Unreadable as refusal:
        return refusal.reason


class Kept(SegmentWriter):
    """A segment writer that has room, and remembers what it is given instead of a disk."""

    def __init__(self) -> None:
        self.full, self.room = False, 1 << 30
        self.records: list[bytes] = []

    @property
    def waiting(self) -> int:
        return 0

    def append(self, records: Sequence[bytes]) -> None:
        self.records += records


def accept(data: bytes) -> None:
    """Path, content type, user agent, origin, referer, query and body: one known answer, and one record in the spool.

    The record says what was sent, cut to its limits, and is read back as it was written.
    """
    path, kind, agent, origin, referer, query, body = pieces(data, 7)
    site = site_of("/csp/report/" + path.decode("latin-1"))
    assert site is not None
    kept = Kept()
    collector = Collector(Spool(kept, hold=False), _SITES, MOST_BODY)
    answer = collector.accept(body, Told.of(site, kind or None, agent or None, origin or None, referer or None, query))
    [record] = kept.records
    found = decode(split(frame(record), final=True).records[0])
    assert len(found.user_agent) <= USER_AGENT_BYTES
    if found.kind == Kind.REPORTS:
        assert answer is ACCEPTED
        assert (found.site, found.body, found.count) == (site, body, reading.count(body))
        assert len(found.origin) + len(found.referer) <= 2 * 264
        return
    assert found.kind == Kind.REFUSAL
    assert len(found.body) <= KEPT_BYTES
    if found.detail != "gone":
        assert answer.status in _REFUSED
        assert msgspec.json.decode(answer.body)["status"] == answer.status


_NAMES = list(SPELLINGS.values())


def normal(data: bytes) -> None:
    """How it is spelled, what stands beside the body, the user agent, then its fields: a row that can be stored."""
    how, url, age, agent, *values = pieces(data, 4 + len(_NAMES))
    flags = how[0] if how else 0
    body = {
        names[flags % len(names)]: _value(value) for names, value in zip(_NAMES, values, strict=True) if value
    }  # fmt: skip
    entry = Entry(EntryKind.VIOLATION, "csp-violation", body, _value(url), _value(age), _value(agent), flags < 128)
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent, b"", origin=url[:64], signature="missing")
    site = Site(keep_query=("page",), require_signature="mark" if flags & 64 else "")
    found = normalise(entry, delivery, site)
    assert_storable(found)
    assert normalise(entry, delivery, site) == found


def _value(piece: bytes) -> Any:
    """JSON where it is some, or text."""
    try:
        return msgspec.json.decode(piece)
    except (ValueError, RecursionError):
        return text(piece)


def folded(data: bytes) -> None:
    """Kind, count, user agent and body of a delivery that comes twice: the ledger balances with the rows."""
    how, counted, agent, body = pieces(data, 4)
    kind = (how[0] if how else 0) % len(Kind)
    count = min(int.from_bytes(counted[:6], "big"), MOST_COUNT)
    label = list(_SITES.table or {})[(how[1] if len(how) > 1 else 0) % 4]
    deliveries = [
        Delivery(RECEIVED_MS + number, label, kind, count, agent, body, text(how[2:8])) for number in range(2)
    ]
    found = fold(deliveries, (), _SITES)
    outcomes: Counter[str] = Counter()
    for line, reports in found.ledger.items():
        outcomes[line.outcome] += reports
        assert len(line.detail) <= 64
    assert outcomes["received"] == outcomes.total() - outcomes["received"]
    assert outcomes["stored"] == sum(row.violation.reports for row in found.rows.values())
    assert all(len(reject.raw) <= 2 * KEPT_BYTES for reject in found.rejects.values())
