"""One batch, from deliveries to rows: every entry becomes a violation's count or a line of the ledger. Pure."""

import re
import zlib
from collections import Counter
from collections.abc import Collection

import msgspec

from processor.exported import exported
from processor.folded import Folded
from processor.normalise import normalise
from processor.repeats import Example, Gathering, Group, Repeats, left_out_of_each
from processor.tokens import text_without_tokens
from schema.delivery import NONE_STORED, Delivery, Kind
from schema.reasons import Reason
from schema.report import Entry, EntryKind, Unreadable, parse
from schema.sites import Site, Sites
from schema.violation import WINDOW_SECONDS, Violation, copied

_TYPE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TYPES = 200  # different ones counted by name; a hostile client could make up any number, and each is a ledger key
_PLACES = 100_003  # of one delivery's entries in its batch, and a prime: chances must not repeat
# Groups of equal reports that are gathered before they become rows, as a piece of the batch: their keys are bodies
# again, and all of a batch's would take as much memory as its rows.
_GROUPS = 16_000
_Outcome = tuple[str, int, str]  # site, minute and outcome of a line


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
            folded.count(delivery, "retried", delivery.count)
        elif delivery.kind == Kind.REPORTS:
            _reports(folded, gathering, delivery, index, sites)
            if len(gathering.by_key) >= _GROUPS:
                _gathered(folded, repeats, gathering, sites)
                gathering = repeats.gathering(sites)
        elif delivery.kind == Kind.VIOLATION:
            _violation(folded, delivery)
        elif delivery.kind == Kind.LIMITED:
            detail = delivery.detail if sites.get(delivery.site).sample else NONE_STORED
            folded.count(delivery, "sampled", delivery.count, detail)
        else:
            folded.reject(delivery, delivery.detail, delivery.body, delivery.count)
    _gathered(folded, repeats, gathering, sites)
    return folded


def _gathered(folded: Folded, repeats: Repeats, gathering: Gathering, sites: Sites) -> None:
    """Its groups become rows, and it is not needed any more."""
    repeats.remember(gathering)
    outcomes: Counter[_Outcome] = Counter()
    every = sites.get("") if sites.table is None else None  # label's site
    for group in gathering.by_key.values():
        _group(folded, group, every or sites.get(group.violation.site), outcomes)
    for (site, minute, outcome), reports in outcomes.items():
        folded.line(site, minute, outcome, reports)


def _reports(folded: Folded, gathering: Gathering, delivery: Delivery, index: int, sites: Sites) -> None:
    try:
        found = gathering.take(delivery)
    except Unreadable:  # the collector took it, so this is ours to explain
        folded.reject(delivery, Reason.UNREADABLE, delivery.body, delivery.count)
        return
    if found is None:
        return
    for number, entry in enumerate(found):
        if entry.kind is EntryKind.VIOLATION:
            _report(folded, entry, delivery, index * _PLACES + number, sites)
        elif entry.kind is EntryKind.OTHER:
            folded.count(delivery, "ignored", 1, _type(entry.type, folded.types))
    if any(entry.kind is EntryKind.BAD for entry in found):
        _bad_entries(folded, delivery, found)


def _report(folded: Folded, entry: Entry, delivery: Delivery, place: int, sites: Sites) -> None:
    """One by itself."""
    site = sites.get(delivery.site)
    violation = normalise(entry, delivery, site, sites.rules)
    outcome = _outcome(violation, site)
    if outcome == "stored" and site.sample < 1 and _chance(violation, delivery, place) >= site.sample:
        outcome = "sampled"
    folded.count(delivery, outcome, 1, NONE_STORED if outcome == "sampled" and not site.sample else "")
    if outcome == "stored":
        violation.left_out = (1 + left_out_of_each(delivery)) / site.sample - 1
        folded.add(violation, Example.of(entry.body))


def _group(folded: Folded, group: Group, site: Site, outcomes: Counter[_Outcome]) -> None:
    """Equal reports: their outcome, and a row for each minute they were made in."""
    violation = group.violation
    outcome = _outcome(violation, site) if site.hosts else "stored"
    if len(group.received) == 1 and not group.known and not group.left_out:  # most, where most differ
        outcomes[violation.site, group.received[0] // 60_000, outcome] += 1
        if outcome == "stored":
            folded.add(violation, group.example)
        return
    for minute, moments in _by_minute(group.received):
        outcomes[violation.site, minute, outcome] += len(moments)
    if outcome == "stored":
        for minute, moments in _by_minute(group.seen()):
            found = _at(violation, moments)
            if group.left_out:
                found.left_out = group.left_out.get(minute, 0.0)
            folded.add(found, group.example)


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


def _violation(folded: Folded, delivery: Delivery) -> None:
    """A row of our own export: its counts stand for reports received elsewhere, or before."""
    try:
        violation = exported(delivery.body)
    except ValueError:
        folded.reject(delivery, Reason.UNREADABLE, delivery.body, delivery.count)
        return
    folded.add(violation, None)
    folded.count(delivery, "stored", violation.reports)


def _bad_entries(folded: Folded, delivery: Delivery, found: list[Entry]) -> None:
    items = parse(delivery.body)
    for item, entry in zip(items, found, strict=True):
        if entry.kind is EntryKind.BAD:
            folded.reject(delivery, Reason.BAD_ENTRY, msgspec.json.encode(item), 1)


def _type(name: str, types: set[str]) -> str:
    if name not in types:
        if len(types) >= TYPES or not _TYPE.fullmatch(name) or text_without_tokens(name) != name:
            return "other"
        types.add(name)
    return name
