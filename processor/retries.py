"""Recognises Chromium's retries: a Reporting API array it sends again because it believes the first attempt failed.

Rule of the browser (measured): the same bytes but for larger ages, ten times and more, with growing pauses; so received
minus age is the same moment within some milliseconds. Nothing else retries. Other people's equal reports must not be
folded away with it: an array that is seen often, or whose repeats come at random, is never taken for a retry.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

import msgspec

from processor.sighted import Sighted, Sighting
from schema.delivery import Delivery, Kind

TOLERANCE_MS = 100  # the way through the network differs from attempt to attempt
LEAST_PAUSE_MS = 250  # Chromium waits a minute; below this, two tabs at the same moment look the same
STEADY = 0.8  # a pause may be this share of the one before it, though a browser's only grow
COMMON = 4  # sightings after which an array is somebody's every-day report
KEPT = 20_000  # arrays remembered that came more than once: at most 22 MiB
_LONGEST = 1000  # entries; Chromium sends up to 100
_Age = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]  # ms


class _Item(msgspec.Struct):
    age: _Age = 0
    type: str = ""
    url: msgspec.Raw = msgspec.Raw(b"")
    body: msgspec.Raw = msgspec.Raw(b"")
    user_agent: str = ""


_decode = msgspec.json.Decoder(list[_Item]).decode


@dataclass(slots=True)
class _Array:
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
        self._again: OrderedDict[int, _Array] = OrderedDict()

    def find(self, deliveries: Sequence[Delivery]) -> list[int]:
        """Indexes of the deliveries that repeat an earlier one. Read in the order received, whichever worker had it."""
        arrays = [(index, items) for index, found in enumerate(deliveries) if (items := _chromium_array(found))]
        arrays.sort(key=lambda array: deliveries[array[0]].received_ms)
        return sorted(index for index, items in arrays if self._is_retry(deliveries[index], items))

    def _is_retry(self, delivery: Delivery, items: list[_Item]) -> bool:
        key = _key(delivery, items)
        sighting = Sighting(delivery.received_ms, items[0].age, sum(item.age for item in items))
        if key not in self._again:
            first = self._sighted.take(key)
            if first is None:
                self._sighted.put(key, sighting)
                return False
            self._again[key] = _Array([first], first.received_ms)
            if len(self._again) > KEPT:
                self._again.popitem(last=False)
        self._again.move_to_end(key)
        return self._again[key].is_retry(sighting, len(items))


def _chromium_array(delivery: Delivery) -> list[_Item]:
    if delivery.kind != Kind.REPORTS or delivery.body[:1] != b"[" or delivery.count > _LONGEST:
        return []
    try:
        items = _decode(delivery.body)
    except (ValueError, RecursionError):  # no browser's own array
        return []
    if len(items) > _LONGEST:  # the count of a record may be wrong
        return []
    chromium = b"Chrome/" in delivery.user_agent or any("Chrome/" in item.user_agent for item in items)
    return items if chromium else []


def _key(delivery: Delivery, items: list[_Item]) -> int:
    """What stays the same in a retry: everything but the ages."""
    digest = blake2b(digest_size=8)
    digest.update(delivery.site.encode() + b"\0" + delivery.user_agent)
    for item in items:
        digest.update(b"\0%s\0%b\0%b" % (item.type.encode(), item.url, item.body))
    return int.from_bytes(digest.digest(), "little")


def _repeats(now: Sighting, earlier: Sighting, entries: int) -> bool:
    ageing = now.first_age - earlier.first_age
    waited = now.received_ms - earlier.received_ms
    return (
        ageing >= LEAST_PAUSE_MS - TOLERANCE_MS
        and abs(waited - ageing) <= TOLERANCE_MS
        and abs(now.ages - earlier.ages - ageing * entries) <= 2 * entries
    )
