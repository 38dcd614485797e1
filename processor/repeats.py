"""Reports that are the same but for their moment and their policy's nonces: gathered unread, then normalised once.

In a burst nine of ten repeat another. To see that from the bytes takes a tenth of what normalising takes.
"""

import operator
import re
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from processor.normalise import age_ms, normalise
from schema.delivery import Delivery
from schema.report import CSP_TYPE, Entry, EntryKind, entries, entry_of
from schema.sites import Sites
from schema.violation import Violation

KEPT = 8192  # of the last different reports that came more than once in a batch
_LONGEST = 4096  # bytes of one that is gathered

_Around = tuple[object, ...]
# All that `normalise` looks at of a delivery but its body and its time.
_around: Callable[[Delivery], _Around] = operator.attrgetter(
    "site", "user_agent", "origin", "referer", "signature", "environment"
)
_Key = tuple[object, ...] | int
Example = Callable[[], dict[str, Any]]


class _Item(msgspec.Struct):
    """One of an array. The body and what stands beside it as they were sent: equal bytes say the same."""

    type: str = ""
    age: int | None = None
    url: Raw = Raw(b"null")
    user_agent: Raw = Raw(b"null")
    body: Raw = Raw(b"")
    legacy: Raw | None = msgspec.field(name="csp-report", default=None)


_items = msgspec.json.Decoder(list[_Item]).decode
_value = msgspec.json.Decoder().decode


class Group:
    """Equal reports. `violation` is the group's own, with the first one's times; all times in ms since the epoch."""

    __slots__ = ("age", "ages", "example", "place", "received", "violation")

    def __init__(self, violation: Violation, example: Example | None, age: int, place: int) -> None:
        """`age` of all of them, where they came alone; `place` of the first, within the batch.

        `example` makes one's body again, as it was sent: few are wanted, and all would be most of a batch's memory.
        """
        self.violation = violation
        self.example = example
        self.age = age
        self.place = place
        self.received: list[int] = []
        self.ages: list[int] = []  # of each, where they came in arrays

    def seen(self) -> list[int]:
        """When each was made, as far as the browser says."""
        if self.ages:
            return [max(0, moment - age) for moment, age in zip(self.received, self.ages, strict=True)]
        return [max(0, moment - self.age) for moment in self.received] if self.age else self.received


class Repeats:
    """What is known of earlier batches. One a processor; forgets it when the sites file or the noise rules change."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[Violation, int]] = {}
        self._sites: Sites | None = None

    def gathering(self, sites: Sites) -> "Gathering":
        """For one batch; `remember` takes it back."""
        if sites is not self._sites:
            self._known, self._sites = {}, sites
        return Gathering(self, sites)

    def find(self, key: _Key) -> tuple[Violation, int] | None:
        return self._known.get(key)

    def remember(self, gathering: "Gathering") -> None:
        """What came but once needs no place: nothing says that it comes again."""
        for key, group in gathering.by_key.items():
            if len(group.received) > 1 and key not in self._known:
                self._known[key] = copy(group.violation), group.age
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]


class Gathering:
    """The violations of one batch."""

    def __init__(self, repeats: Repeats, sites: Sites) -> None:
        self.by_key: dict[_Key, Group] = {}
        self._repeats = repeats
        self._sites = sites

    def take(self, delivery: Delivery, place: int) -> list[Entry] | None:
        """Everything in `delivery`; or its entries, none of them taken, where some are no violations.

        `place` is where `delivery` stands in the batch, by which its site may decide what to store. Raises Unreadable.
        """
        if delivery.body[:1] == b"[":
            return self._array(delivery, place)
        key = self._key(delivery.body, self._around(delivery))
        group = self.by_key.get(key) or self._again(key, place)
        if group is None:
            found = entries(delivery.body)
            if len(found) != 1 or found[0].kind is not EntryKind.VIOLATION or found[0].in_array:
                return found
            group = self._new(key, found[0], delivery, place, partial(_only_body, delivery.body))
        group.received.append(delivery.received_ms)
        return None

    def add(self, entry: Entry, delivery: Delivery, place: int) -> None:
        """One violation by itself."""
        group = self._new(self._alone(), entry, delivery, place, lambda: entry.body)
        group.received.append(delivery.received_ms)

    def _array(self, delivery: Delivery, place: int) -> list[Entry] | None:
        try:
            items = _items(delivery.body)
            around = self._around(delivery)
            groups = [self._of_item(item, delivery, around, place + number) for number, item in enumerate(items)]
        except (ValueError, RecursionError, _NotPlain):
            return entries(delivery.body)
        for group, item in zip(groups, items, strict=True):
            group.received.append(delivery.received_ms)
            group.ages.append(age_ms(item.age))
        return None

    def _of_item(self, item: _Item, delivery: Delivery, around: _Around | None, place: int) -> Group:
        """Raises _NotPlain for what must be looked at together with the others, ValueError, RecursionError."""
        if item.type != CSP_TYPE or item.legacy is not None:
            raise _NotPlain
        raw = bytes(item.body)
        key = self._key(raw, around, bytes(item.url), bytes(item.user_agent), item.age is None)
        group = self.by_key.get(key) or self._again(key, place)
        if group is None:
            value = {"type": CSP_TYPE, "age": item.age, "url": _value(item.url), "user_agent": _value(item.user_agent),
                     "body": _value(raw)}  # fmt: skip
            entry = entry_of(value, in_array=True)
            if entry.kind is not EntryKind.VIOLATION:
                raise _NotPlain
            group = self._new(key, entry, delivery, place, partial(_value, raw))
            group.age = 0
        return group

    def _around(self, delivery: Delivery) -> _Around | None:
        """None where each report stands alone: a site that stores a sample decides about each by itself."""
        return _around(delivery) if self._sites.get(delivery.site).sample >= 1 else None

    def _key(self, raw: bytes, around: _Around | None, *beside: object) -> _Key:
        return self._alone() if around is None or len(raw) > _LONGEST else (_without_nonces(raw), around, *beside)

    def _alone(self) -> int:
        """A key like no other."""
        return len(self.by_key)

    def _again(self, key: _Key, place: int) -> Group | None:
        """What an earlier batch had."""
        known = self._repeats.find(key)
        if known is None:
            return None
        violation, age = known
        group = self.by_key[key] = Group(copy(violation), None, age, place)
        return group

    def _new(self, key: _Key, entry: Entry, delivery: Delivery, place: int, example: Example) -> Group:
        violation = normalise(entry, delivery, self._sites.get(delivery.site), self._sites.rules)
        group = self.by_key[key] = Group(violation, example, age_ms(entry.age), place)
        return group


def _only_body(raw: bytes) -> dict[str, Any]:
    [entry] = entries(raw)
    return entry.body


class _NotPlain(Exception):
    """An entry of an array that is no violation, or one that browsers don't write."""


# By the grammar of CSP3 §2.3.1, and of one case: less than `normalise` takes out, never more.
_NONCE = re.compile(rb"'nonce-[A-Za-z0-9+/_=-]*'")
_NAMES = (b'"original-policy":"', b'"originalPolicy":"')


def _without_nonces(raw: bytes) -> bytes:
    """Only where they are sure to be the policy's: in a text that stands behind its name, no escapes in it."""
    found = raw.find(b"'nonce-")
    if found < 0:
        return raw
    start = raw.rfind(b'"', 0, found) + 1
    if not raw[max(0, start - 19) : start].endswith(_NAMES):
        return raw
    end = raw.find(b'"', found)
    policy = raw[start:end]
    return raw if b"\\" in policy else raw[:start] + _NONCE.sub(b"'nonce-removed'", policy) + raw[end:]
