"""What was seen once, and when: a table that takes the same memory from its first day on.

A browser sends again after a minute, and a processor reads thousands of arrays a second. As objects the half a million
that have to be remembered would take 200 MB; here each is four numbers, in one of the places of the bucket that its key
leaves it, which are taken in turn.
"""

from typing import NamedTuple

KEPT = 1 << 19  # 16 MiB. A key is still known after 330,000 others (all but 1 in 3000), after 400,000 (1 in 50)
_PLACES = 64  # in a bucket: first their keys, then what is known of each
_OF_EACH = 3
_BUCKET = _PLACES * (1 + _OF_EACH)


class Sighting(NamedTuple):
    """From 0 to 2^64 - 1."""

    received_ms: int
    first_age: int
    ages: int  # their sum: tells whether all grew by the same


class Sighted:
    """Keys are from 1 to 2^64 - 1, and evenly spread."""

    def __init__(self, kept: int = KEPT) -> None:
        """`kept`: a multiple of 64."""
        self._next = bytearray(kept // _PLACES)  # the place to be taken next, for each bucket
        self._table = memoryview(bytearray(len(self._next) * _BUCKET * 8)).cast("Q")

    def put(self, key: int, sighting: Sighting) -> None:
        bucket = key % len(self._next)
        first, place = bucket * _BUCKET, self._next[bucket]
        self._table[first + place] = key
        for at, value in enumerate(sighting, first + _PLACES + place * _OF_EACH):
            self._table[at] = value
        self._next[bucket] = (place + 1) % _PLACES

    def take(self, key: int) -> Sighting | None:
        """As it was put, and forgotten with this; None where it was not, or was forgotten before."""
        first = key % len(self._next) * _BUCKET
        keys = self._table[first : first + _PLACES].tolist()
        if key not in keys:
            return None
        place = keys.index(key)
        self._table[first + place] = 0
        at = first + _PLACES + place * _OF_EACH
        return Sighting(*self._table[at : at + _OF_EACH])
