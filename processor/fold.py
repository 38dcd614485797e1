"""One batch, from deliveries to rows: every entry becomes a violation's count or a line of the ledger. Pure."""

import operator
import re
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from processor.exported import exported
from processor.normalise import normalise
from processor.redact import redact_bytes
from processor.repeats import Example, Gathering, Group, Repeats, left_out_of_each
from processor.tokens import text_without_tokens
from schema.delivery import NONE_STORED, USER_AGENT_BYTES, Delivery, Kind
from schema.reasons import Reason
from schema.report import Entry, EntryKind, Unreadable, parse
from schema.sites import Site, Sites
from schema.violation import WINDOW_SECONDS, Violation, copied

_TYPE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TYPES = 200  # different ones counted by name; a hostile client could make up any number, and each is a ledger key
_PLACES = 100_003  # of one delivery's entries in its batch, and a prime: chances must not repeat
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


Outcome = tuple[str, int, str]  # site, minute and outcome of a line


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
    """What is inserted for one batch."""

    rows: dict[tuple[object, ...], Row] = field(default_factory=dict)
    ledger: Counter[Line] = field(default_factory=Counter)
    rejects: dict[tuple[str, int], Reject] = field(default_factory=dict)  # by reason and slot
    types: set[str] = field(default_factory=set)


def fold(
    deliveries: list[Delivery],
    retried: Collection[int],
    sites: Sites,
    types: set[str] | None = None,
    repeats: Repeats | None = None,
) -> Folded:
    """`retried` names by index the deliveries that repeat an earlier one.

    `types` are the names of other report types seen so far; new ones are added, up to TYPES. `repeats`: what is known
    of earlier batches.
    """
    folded = Folded(types=set() if types is None else types)
    repeats = repeats or Repeats()
    gathering = repeats.gathering(sites)
    for index, delivery in enumerate(deliveries):
        if index in retried:
            _count(folded, delivery, "retried", delivery.count)
        elif delivery.kind == Kind.REPORTS:
            _reports(folded, gathering, delivery, index, sites)
        elif delivery.kind == Kind.VIOLATION:
            _violation(folded, delivery)
        elif delivery.kind == Kind.LIMITED:
            detail = delivery.detail if sites.get(delivery.site).sample else NONE_STORED
            _count(folded, delivery, "sampled", delivery.count, detail)
        else:
            _reject(folded, delivery, delivery.detail, delivery.body, delivery.count)
    repeats.remember(gathering)
    outcomes: Counter[Outcome] = Counter()
    every = sites.get("") if sites.table is None else None  # label's site
    for group in gathering.by_key.values():
        if group.received:  # none, where something else stood in its array
            _group(folded, group, every or sites.get(group.violation.site), outcomes)
    for (site, minute, outcome), reports in outcomes.items():
        _line(folded, site, minute, outcome, reports)
    return folded


def _count(folded: Folded, delivery: Delivery, outcome: str, reports: int, detail: str = "") -> None:
    _line(folded, delivery.site, delivery.received_ms // 60_000, outcome, reports, detail)


def _line(folded: Folded, site: str, minute: int, outcome: str, reports: int, detail: str = "") -> None:
    """Into both sides of the ledger at once: it balances whatever a delivery says of itself."""
    folded.ledger[Line(site, minute, "received")] += reports
    folded.ledger[Line(site, minute, outcome, detail)] += reports


def _reports(folded: Folded, gathering: Gathering, delivery: Delivery, index: int, sites: Sites) -> None:
    try:
        found = gathering.take(delivery)
    except Unreadable:  # the collector took it, so this is ours to explain
        _reject(folded, delivery, Reason.UNREADABLE, delivery.body, delivery.count)
        return
    if found is None:
        return
    for number, entry in enumerate(found):
        if entry.kind is EntryKind.VIOLATION:
            _report(folded, entry, delivery, index * _PLACES + number, sites)
        elif entry.kind is EntryKind.OTHER:
            _count(folded, delivery, "ignored", 1, _type(entry.type, folded.types))
    if any(entry.kind is EntryKind.BAD for entry in found):
        _bad_entries(folded, delivery, found)


def _report(folded: Folded, entry: Entry, delivery: Delivery, place: int, sites: Sites) -> None:
    """One by itself."""
    site = sites.get(delivery.site)
    violation = normalise(entry, delivery, site, sites.rules)
    outcome = _outcome(violation, site)
    if outcome == "stored" and site.sample < 1 and _chance(violation, delivery, place) >= site.sample:
        outcome = "sampled"
    _count(folded, delivery, outcome, 1, NONE_STORED if outcome == "sampled" and not site.sample else "")
    if outcome == "stored":
        violation.left_out = (1 + left_out_of_each(delivery)) / site.sample - 1
        _add(folded, violation, lambda: entry.body)


def _group(folded: Folded, group: Group, site: Site, outcomes: Counter[Outcome]) -> None:
    """Equal reports: their outcome, and a row for each minute they were made in."""
    violation = group.violation
    outcome = _outcome(violation, site) if site.hosts else "stored"
    if len(group.received) == 1 and not group.known and not group.left_out:  # most, where most differ
        outcomes[violation.site, group.received[0] // 60_000, outcome] += 1
        if outcome == "stored":
            _add(folded, violation, group.example)
        return
    for minute, moments in _by_minute(group.received):
        outcomes[violation.site, minute, outcome] += len(moments)
    if outcome == "stored":
        for minute, moments in _by_minute(group.seen()):
            found = _at(violation, moments)
            if group.left_out:
                found.left_out = group.left_out.get(minute, 0.0)
            _add(folded, found, group.example)


def _outcome(violation: Violation, site: Site) -> str:
    return "foreign" if violation.document_host and not site.owns(violation.document_host) else "stored"


def _by_minute(moments: list[int]) -> Collection[tuple[int, list[int]]]:
    """Times in ms since the epoch, by the minute they are in."""
    if len(moments) == 1 or min(moments) // 60_000 == max(moments) // 60_000:  # nearly all: no loop
        return ((moments[0] // 60_000, moments),)
    found: dict[int, list[int]] = {}
    for moment in moments:
        found.setdefault(moment // 60_000, []).append(moment)
    return found.items()


def _at(violation: Violation, moments: list[int]) -> Violation:
    """The same at other moments, all of one minute."""
    if len(moments) == 1 and moments[0] == violation.first_seen:
        return violation  # made for this one, and nobody else's
    found = copied(violation)
    found.reports, found.first_seen, found.last_seen = len(moments), min(moments), max(moments)
    found.window = found.first_seen // 1000 // WINDOW_SECONDS * WINDOW_SECONDS
    return found


def _chance(violation: Violation, delivery: Delivery, place: int) -> float:
    """From 0 to 1, by checksum: a repeated batch must decide as it did before."""
    return zlib.crc32(b"%b%d:%d" % (violation.fingerprint, delivery.received_ms, place)) / 2**32


def _add(folded: Folded, violation: Violation, example: Example | None) -> None:
    """Equal keys become one row. The minute is part of it, because the series' view takes it from `first_seen`."""
    key = (
        violation.fingerprint,
        violation.first_seen // 60_000,
        violation.policy_hash,
        violation.noise,
        violation.verdict,
        violation.site,
    )
    row = folded.rows.get(key)
    if row is None:
        folded.rows[key] = Row(violation, example)
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


def _violation(folded: Folded, delivery: Delivery) -> None:
    """A row of our own export: its counts stand for reports received elsewhere, or before."""
    try:
        violation = exported(delivery.body)
    except ValueError:
        _reject(folded, delivery, Reason.UNREADABLE, delivery.body, delivery.count)
        return
    _add(folded, violation, None)
    _count(folded, delivery, "stored", violation.reports)


def _bad_entries(folded: Folded, delivery: Delivery, found: list[Entry]) -> None:
    items = parse(delivery.body)
    for item, entry in zip(items, found, strict=True):
        if entry.kind is EntryKind.BAD:
            _reject(folded, delivery, Reason.BAD_ENTRY, msgspec.json.encode(item), 1)


def _reject(folded: Folded, delivery: Delivery, reason: str, raw: bytes, reports: int) -> None:
    _count(folded, delivery, "rejected", reports, reason)
    slot = (reason, zlib.crc32(raw) % _SLOTS)
    if raw and slot not in folded.rejects and len(folded.rejects) < _REJECTS:
        agent = delivery.user_agent[:USER_AGENT_BYTES].decode("utf-8", "replace")
        folded.rejects[slot] = Reject(delivery.site, delivery.received_ms, agent, redact_bytes(raw))


def _type(name: str, types: set[str]) -> str:
    if name not in types:
        if len(types) >= TYPES or not _TYPE.fullmatch(name) or text_without_tokens(name) != name:
            return "other"
        types.add(name)
    return name
