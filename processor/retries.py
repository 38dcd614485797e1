"""Recognises Chromium's retries: a Reporting API array it sends again because it believes the first attempt failed.

Rule of the browser (measured): the same bytes but for larger ages, ten times and more, with growing pauses; so received
minus age is the same moment within some milliseconds. Nothing else retries. Other people's equal reports must not be
folded away with it: an array that is seen often, or whose repeats come at random, is never taken for a retry.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec

from processor.sighted import Sighted, Sighting
from schema.delivery import Delivery, Kind

TOLERANCE_MS = 100  # the way through the network differs from attempt to attempt
LEAST_PAUSE_MS = 250  # Chromium waits a minute; below this, two tabs at the same moment look the same
STEADY = 0.8  # a pause may be this share of the one before it, though a browser's only grow
COMMON = 4  # sightings after which an array is somebody's every-day report
KEPT = 20_000  # arrays remembered that came more than once: at most 22 MiB
_LONGEST = 1000  # entries; Chromium sends up to 100
_KEYS = 2**64 - 1
_Age = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]  # ms


class _Item(msgspec.Struct):
    age: _Age = 0
    type: str = ""
    url: msgspec.Raw = msgspec.Raw(b"")
    body: msgspec.Raw = msgspec.Raw(b"")
    user_agent: str = ""


_decode = msgspec.json.Decoder(list[_Item]).decode


class _Array(NamedTuple):
    """What tells of an array whether it was sent before."""

    key: int
    sighting: Sighting
    entries: int


@dataclass(slots=True)
class _Known:
    """What is known of one array that came again."""

    sightings: list[Sighting]  # those that were counted
    last_ms: int  # when it was last received
    pause_ms: int = 0  # before its last retry

    def is_retry(self, now: Sighting, entries: int) -> bool:
        pause, self.last_ms = now.received_ms - self.last_ms, now.received_ms
        if len(self.sightings) >= COMMON:
            return False
        if not any(_repeats(now, earlier, entries) for earlier in self.sightings):
            self.sightings.append(now)
            return False
        if pause < max(LEAST_PAUSE_MS, self.pause_ms * STEADY):
            self.sightings = [now] * COMMON  # no browser repeats like this: others saw the same moment
            return False
        self.pause_ms = pause
        return True


class Retries:
    """Remembers arrays of this process's life: those seen once (processor/sighted.py), and KEPT that came again."""

    def __init__(self) -> None:
        self._sighted = Sighted()
        self._again: OrderedDict[int, _Known] = OrderedDict()

    def find(self, deliveries: Sequence[Delivery]) -> list[int]:
        """Indexes of the deliveries that repeat an earlier one. Read in the order received, whichever worker had it."""
        arrays = [
            (index, array)
            for index, delivery in enumerate(deliveries)
            if delivery.body[:1] == b"[" and (array := _chromium_array(delivery))
        ]
        arrays.sort(key=lambda its: its[1].sighting.received_ms)
        return sorted(index for index, array in arrays if self._is_retry(array))

    def _is_retry(self, array: _Array) -> bool:
        key = array.key
        if key not in self._again:
            first = self._sighted.take(key)
            if first is None:
                self._sighted.put(key, array.sighting)
                return False
            self._again[key] = _Known([first], first.received_ms)
            if len(self._again) > KEPT:
                self._again.popitem(last=False)
        self._again.move_to_end(key)
        return self._again[key].is_retry(array.sighting, array.entries)


def _chromium_array(delivery: Delivery) -> _Array | None:
    if delivery.kind != Kind.REPORTS or delivery.count > _LONGEST:
        return None
    try:
        items = _decode(delivery.body)
    except (ValueError, RecursionError):  # no browser's own array
        return None
    if not items or len(items) > _LONGEST:  # the count of a record may be wrong
        return None
    if b"Chrome/" not in delivery.user_agent and not any("Chrome/" in item.user_agent for item in items):
        return None
    sighting = Sighting(delivery.received_ms, items[0].age, sum(item.age for item in items))
    return _Array(_key(delivery, items), sighting, len(items))


def _key(delivery: Delivery, items: list[_Item]) -> int:
    """What stays the same in a retry: everything but the ages. Of this process alone, like all that is remembered.

    Python's own hash has a secret as blake2b has none, and takes a third of its time (0.4 to 1.2 µs an entry).
    """
    same = [part for item in items for part in (item.type, bytes(item.url), bytes(item.body))]
    return hash((delivery.site, delivery.user_agent, *same)) % _KEYS + 1


def _repeats(now: Sighting, earlier: Sighting, entries: int) -> bool:
    ageing = now.first_age - earlier.first_age
    waited = now.received_ms - earlier.received_ms
    return (
        ageing >= LEAST_PAUSE_MS - TOLERANCE_MS
        and abs(waited - ageing) <= TOLERANCE_MS
        and abs(now.ages - earlier.ages - ageing * entries) <= 2 * entries
    )
