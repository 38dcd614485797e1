"""What is inserted for one batch: rows, lines of the ledger, and what was refused or could not be read."""

import operator
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from processor.redact import redact_bytes
from processor.repeats import Example
from schema.delivery import USER_AGENT_BYTES, Delivery
from schema.violation import Violation

_REJECTS = 5000  # a batch; what is over is counted all the same
_SLOTS = 8192  # of the table `rejects`, for a day and reason
# In the order by which the store chooses among batches (0007), so that it doesn't matter what came in which.
_JUDGED = ("trust", "signature", "environment", "trust_reasons")
_judged = operator.attrgetter(*_JUDGED)


class Line(NamedTuple):
    """A key of the ledger; `minute` in minutes since the epoch."""

    site: str
    minute: int
    outcome: str
    detail: str = ""


class Reject(NamedTuple):
    site: str
    received_ms: int
    user_agent: str
    raw: str


class Row(msgspec.Struct, gc=False):  # no cycle goes through one
    violation: Violation
    example: Example | None  # one body, as the browser spelled it


@dataclass
class Folded:
    rows: dict[tuple[object, ...], Row] = field(default_factory=dict)
    ledger: Counter[Line] = field(default_factory=Counter)
    rejects: dict[tuple[str, int], Reject] = field(default_factory=dict)  # by reason and slot
    types: set[str] = field(default_factory=set)

    def add(self, violation: Violation, example: Example | None) -> None:
        """Equal keys become one row. The minute is part of it, because the series' view takes it from `first_seen`."""
        key = (
            violation.fingerprint,
            violation.first_seen // 60_000,
            violation.policy_hash,
            violation.noise,
            violation.verdict,
            violation.site,
        )
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = Row(violation, example)
            return
        kept = row.violation
        # A row is worth its best report: forged ones can't take that from real ones.
        if _judged(violation) > _judged(kept):
            for name in _JUDGED:
                setattr(kept, name, getattr(violation, name))
        kept.reports += violation.reports
        kept.left_out += violation.left_out
        kept.first_seen = min(kept.first_seen, violation.first_seen)
        kept.last_seen = max(kept.last_seen, violation.last_seen)

    def count(self, delivery: Delivery, outcome: str, reports: int, detail: str = "") -> None:
        self.line(delivery.site, delivery.received_ms // 60_000, outcome, reports, detail)

    def line(self, site: str, minute: int, outcome: str, reports: int, detail: str = "") -> None:
        """Into both sides of the ledger at once: it balances whatever a delivery says of itself."""
        self.ledger[Line(site, minute, "received")] += reports
        self.ledger[Line(site, minute, outcome, detail)] += reports

    def reject(self, delivery: Delivery, reason: str, raw: bytes, reports: int) -> None:
        self.count(delivery, "rejected", reports, reason)
        slot = (reason, zlib.crc32(raw) % _SLOTS)
        if raw and slot not in self.rejects and len(self.rejects) < _REJECTS:
            agent = delivery.user_agent[:USER_AGENT_BYTES].decode("utf-8", "replace")
            self.rejects[slot] = Reject(delivery.site, delivery.received_ms, agent, redact_bytes(raw))
