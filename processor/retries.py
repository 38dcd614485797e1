"""Recognises Chromium's retries: a Reporting API array it sends again because it believes the first attempt failed.

Rule of the browser (measured): the same bytes but for larger ages, from a minute on, ten times and more; so received
minus age is the same moment within some milliseconds. Nothing else retries. Other people's equal reports must not be
folded away with it, so an array that is seen often is never taken for a retry: chance would meet it too easily.
"""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schema.delivery import Delivery, Kind

TOLERANCE_MS = 100  # the way through the network differs from attempt to attempt
LEAST_AGEING_MS = 200  # below this, two tabs at the same moment look the same
COMMON = 4  # sightings after which an array is somebody's every-day report
KEPT = 20_000  # arrays remembered
_LONGEST = 1000  # entries; Chromium sends up to 100


class _Item(msgspec.Struct):
    age: int = 0
    type: str = ""
    url: msgspec.Raw = msgspec.Raw(b"")
    body: msgspec.Raw = msgspec.Raw(b"")
    user_agent: str = ""


class _Sighting(NamedTuple):
    received_ms: int
    first_age: int
    ages: int  # their sum: tells whether all grew by the same


_decode = msgspec.json.Decoder(list[_Item]).decode


class Retries:
    """Remembers the arrays of this process's life, at most KEPT."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, list[_Sighting]] = OrderedDict()

    def find(self, deliveries: Iterable[Delivery]) -> list[int]:
        """Indexes of the deliveries that repeat an earlier one."""
        return [index for index, delivery in enumerate(deliveries) if self._is_retry(delivery)]

    def _is_retry(self, delivery: Delivery) -> bool:
        items = _chromium_array(delivery)
        if not items:
            return False
        key = _key(delivery, items)
        sighting = _Sighting(delivery.received_ms, items[0].age, sum(item.age for item in items))
        seen = self._seen.setdefault(key, [])
        self._seen.move_to_end(key)
        if len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        if len(seen) >= COMMON:
            return False
        if any(_repeats(sighting, earlier, len(items)) for earlier in seen):
            return True
        seen.append(sighting)
        return False


def _chromium_array(delivery: Delivery) -> list[_Item]:
    if delivery.kind != Kind.REPORTS or delivery.body[:1] != b"[" or delivery.count > _LONGEST:
        return []
    try:
        items = _decode(delivery.body)
    except (ValueError, RecursionError):  # no browser's own array
        return []
    chromium = b"Chrome/" in delivery.user_agent or any("Chrome/" in item.user_agent for item in items)
    return items if chromium else []


def _key(delivery: Delivery, items: list[_Item]) -> bytes:
    """What stays the same in a retry: everything but the ages."""
    digest = blake2b(digest_size=16)
    digest.update(delivery.site.encode() + b"\0" + delivery.user_agent)
    for item in items:
        digest.update(b"\0%s\0%b\0%b" % (item.type.encode(), item.url, item.body))
    return digest.digest()


def _repeats(now: _Sighting, earlier: _Sighting, entries: int) -> bool:
    ageing = now.first_age - earlier.first_age
    waited = now.received_ms - earlier.received_ms
    return (
        ageing >= LEAST_AGEING_MS
        and abs(waited - ageing) <= TOLERANCE_MS
        and abs(now.ages - earlier.ages - ageing * entries) <= 2 * entries
    )
