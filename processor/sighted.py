"""What was seen once, and when: a table that takes the same memory from its first day on.

A browser sends again after a minute, and a processor reads thousands of arrays a second: half a million have to be
remembered, and as objects they would take 200 MB. Here each is four numbers, in one of 8 places that its key leaves it;
where those are taken the oldest goes.
"""

from typing import NamedTuple

KEPT = 1 << 19  # 16 MiB
_PLACES = 8  # a bucket: their keys, then what is known of each
_OF_EACH = 3
_BUCKET = _PLACES * (1 + _OF_EACH)


class Sighting(NamedTuple):
    """From 0 to 2^64 - 1."""

    received_ms: int
    first_age: int
    ages: int  # their sum: tells whether all grew by the same


class Sighted:
    def __init__(self, kept: int = KEPT) -> None:
        """`kept`: a multiple of 8."""
        self._buckets = kept // _PLACES
        self._table = memoryview(bytearray(self._buckets * _BUCKET * 8)).cast("Q")

    def before(self, key: int, now: Sighting) -> Sighting | None:
        """How it was first seen; None, and remembered as `now`, where it was not, or is forgotten.

        `key`: 1 to 2^64 - 1, evenly spread.
        """
        bucket = key % self._buckets * _BUCKET
        known = bucket + _PLACES
        keys = self._table[bucket:known].tolist()
        if key in keys:
            at = known + keys.index(key) * _OF_EACH
            return Sighting(*self._table[at : at + _OF_EACH])
        received = self._table[known : bucket + _BUCKET : _OF_EACH].tolist()
        oldest = received.index(min(received))
        self._table[bucket + oldest] = key
        for field, value in enumerate(now, known + oldest * _OF_EACH):
            self._table[field] = value
        return None
