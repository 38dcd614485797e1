"""Reports that are the same but for their moment and their policy's nonces: gathered unread, then normalised once.

In a burst nine of ten repeat another. To see that from the bytes takes a tenth of what normalising takes.
"""

import operator
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from processor.normalise import OLDEST_MS, age_ms, normalise
from schema.delivery import Delivery
from schema.report import CSP_TYPE, Entry, EntryKind, Unreadable, entries, modern
from schema.sites import Sites
from schema.violation import Violation, copied

ONCE = 1 << 16  # before they are forgotten, and one piece's: at most some 10 MB
KEPT = 8192  # different reports that came more than once in a piece, those seen last: at most some 50 MB
_LONGEST = 4096  # bytes of one that is gathered

# All that `normalise` looks at of a delivery but its body and its time.
_beside: Callable[[Delivery], tuple[object, ...]] = operator.attrgetter(
    "site", "user_agent", "origin", "referer", "signature", "environment"
)
_Key = tuple[object, ...]
_Known = OrderedDict[_Key, tuple[Violation, int]]  # with the age of all of them, as in a Group


class _Item(msgspec.Struct):
    """One of an array, as browsers write it. The body as it was sent: equal bytes say the same."""

    type: str = ""
    age: int | None = None
    url: str | None = None
    user_agent: str | None = None
    body: Raw = Raw(b"")
    legacy: Raw | None = msgspec.field(name="csp-report", default=None)


_items = msgspec.json.Decoder(list[_Item]).decode
_value = msgspec.json.Decoder().decode


class Example(msgspec.Struct, gc=False):  # no cycle goes through one
    """A report's body as bytes: few are wanted, and all of them read could be thirty times as large."""

    raw: bytes | Raw
    alone: bool  # and `raw` is all that was sent

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Example":
        """Written anew: all that was sent may hold many."""
        try:
            return cls(msgspec.json.encode(body), alone=False)
        except (RecursionError, OverflowError):
            return cls(b"{}", alone=False)

    def body(self) -> dict[str, Any]:
        """It was read before, but perhaps with more of the stack left: what is nested that deep is no browser's."""
        try:
            found: dict[str, Any] = entries(bytes(self.raw))[0].body if self.alone else _value(self.raw)
        except (Unreadable, ValueError, RecursionError):
            return {}
        return found


def left_out_of_each(delivery: Delivery) -> float:
    """How many more reports each report of `delivery` stands for."""
    return delivery.left_out / max(1, delivery.count)


class Group(msgspec.Struct, gc=False):  # no cycle goes through one
    """Equal reports. `violation` is the group's own, with the first one's times; all times in ms since the epoch."""

    violation: Violation
    example: Example
    age: int  # of all of them, where they came alone
    known: bool = False  # of an earlier piece
    received: list[int] = []
    ages: list[int] = []  # of each, where they came in arrays
    left_out: dict[int, float] = {}  # by minute, reports over the site's rate limit that they stand for too

    def leave_out(self, seen_ms: int, reports: float) -> None:
        minute = max(0, seen_ms) // 60_000
        self.left_out[minute] = self.left_out.get(minute, 0.0) + reports

    def seen(self) -> list[int]:
        """When each was made, as far as the browser says."""
        if self.ages:
            return [max(0, moment - age) for moment, age in zip(self.received, self.ages, strict=True)]
        return [max(0, moment - self.age) for moment in self.received] if self.age else self.received


class Repeats:
    """What is known of earlier pieces: of batches, and of parts of large ones.

    One a processor; forgets it when the sites file or the noise rules change.
    """

    def __init__(self) -> None:
        self._known: _Known = OrderedDict()
        self._once: set[int] = set()  # hashes of keys that came once in a piece
        self._sites: Sites | None = None

    def gathering(self, sites: Sites) -> "Gathering":
        """For one piece; `remember` takes it back."""
        if sites is not self._sites:
            self._known, self._once, self._sites = OrderedDict(), set(), sites
        return Gathering(self._known, sites)

    def remember(self, gathering: "Gathering") -> None:
        """What came but once, in all of them, needs no place: nothing says that it comes again."""
        known, once = self._known, self._once
        if len(once) > ONCE:
            once.clear()
        for key, group in gathering.by_key.items():
            if group.known:
                known.move_to_end(key)
            elif len(group.received) > 1 or (its := hash(key)) in once:
                known[key] = copied(group.violation), group.age
            else:
                once.add(its)
        while len(known) > KEPT:
            known.popitem(last=False)


class Gathering:
    """The violations of one piece, as far as they can be told apart by their bytes."""

    def __init__(self, known: _Known, sites: Sites) -> None:
        self.by_key: dict[_Key, Group] = {}
        self._known = known
        self._sites = sites
        self._any = sites.get("") if sites.table is None else None  # every label's site

    def take(self, delivery: Delivery) -> list[Entry] | None:
        """Everything in `delivery`; or its entries, none of them taken, to be looked at one by one: because some are no
        violations, or long, or because a site that stores a sample decides about each by itself. Raises Unreadable.
        """
        body = delivery.body
        if self._any is None and self._sites.get(delivery.site).sample < 1:
            return entries(body)
        if body[:1] == b"[":
            return self._array(delivery)
        if len(body) > _LONGEST:
            return entries(body)
        key = (_without_nonces(body), _beside(delivery))
        group = self.by_key.get(key)
        if group is None and key in self._known:
            group = self._of_earlier(key, Example(body, alone=True))
        elif group is None:
            found = entries(body)
            if len(found) != 1 or found[0].kind is not EntryKind.VIOLATION or found[0].in_array:
                return found
            group = Group(self._normalised(found[0], delivery), Example(body, alone=True), age_ms(found[0].age))
            self.by_key[key] = group
        group.received.append(delivery.received_ms)
        if delivery.left_out:
            group.leave_out(delivery.received_ms - group.age, delivery.left_out)
        return None

    def _array(self, delivery: Delivery) -> list[Entry] | None:
        new: list[_Key] = []
        try:
            items = _items(delivery.body)
            beside = _beside(delivery)
            groups = [self._of_item(item, delivery, beside, new) for item in items]
        except (ValueError, RecursionError, _NotPlain):
            for key in new:  # they would stay with the time of this array, in which they are not counted
                del self.by_key[key]
            return entries(delivery.body)
        received, left_out = delivery.received_ms, left_out_of_each(delivery)
        for group, item in zip(groups, items, strict=True):
            age = item.age or 0
            if not 0 <= age <= OLDEST_MS:
                age = 0
            group.received.append(received)
            group.ages.append(age)
            if left_out:
                group.leave_out(received - age, left_out)
        return None

    def _of_item(self, item: _Item, delivery: Delivery, beside: tuple[object, ...], new: list[_Key]) -> Group:
        """`new` is to hold the keys of groups that are made.

        Raises _NotPlain for what must be looked at together with the others, ValueError, RecursionError.
        """
        raw, age, url, agent = bytes(item.body), item.age, item.url, item.user_agent
        if item.type != CSP_TYPE or item.legacy is not None or len(raw) + len(url or "") + len(agent or "") > _LONGEST:
            raise _NotPlain
        key = (_without_nonces(raw), beside, url, agent, age is None)
        group = self.by_key.get(key)
        if group is not None:
            return group
        if key in self._known:
            group = self._of_earlier(key, Example(item.body, alone=False))
        else:
            entry = modern(_value(raw), url, age, agent, in_array=True)
            if entry.kind is not EntryKind.VIOLATION:
                raise _NotPlain
            group = Group(self._normalised(entry, delivery), Example(item.body, alone=False), 0)
            self.by_key[key] = group
        new.append(key)
        return group

    def _of_earlier(self, key: _Key, example: Example) -> Group:
        """A new one of what an earlier piece had."""
        violation, age = self._known[key]
        group = self.by_key[key] = Group(copied(violation), example, age, True)
        return group

    def _normalised(self, entry: Entry, delivery: Delivery) -> Violation:
        return normalise(entry, delivery, self._any or self._sites.get(delivery.site), self._sites.rules)


class _NotPlain(Exception):
    """An entry of an array that is no violation, or one that browsers don't write."""


_BEGIN = b" 'nonce-"
_REMOVED = b" 'nonce-removed'"
# A whole word, by the grammar of CSP3 §2.3.1 and of one case: less than `normalise` takes out, never more.
_NONCE = re.compile(rb" 'nonce-[A-Za-z0-9+/_=-]*'(?![^ ;,\"])")  # begins with what can be looked for as it is
_NAMES = (b'"original-policy":"', b'"originalPolicy":"')


def _without_nonces(raw: bytes) -> bytes:
    """Only where they are sure to be the policy's: in a text that stands behind its name.

    Nothing in it that looks like one can be anything else: it stands behind a blank, and what `normalise` takes out of
    the text goes over none.
    """
    found = raw.find(_BEGIN)
    if found < 0 or not raw.endswith(_NAMES, 0, raw.rfind(b'"', 0, found) + 1):
        return raw
    nonce = _NONCE.match(raw, found)
    if nonce is not None and raw.find(_BEGIN, found + 8) < 0:  # most have one: half of the time
        return _REMOVED.join((raw[:found], raw[nonce.end() :]))
    end = raw.find(b'"', found)
    return raw[:found] + _NONCE.sub(_REMOVED, raw[found:end]) + raw[end:]
