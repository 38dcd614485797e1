"""The plan that others made for such a pipeline (collector, Redis, Kafka, consumers), to stand beside ours.

It counts one report a request, no preflights and no connections, and removes repeats before they are stored.
"""

from typing import NamedTuple

from loadtest.capacity.places import partitions
from loadtest.capacity.pods import ceiling


class Reference(NamedTuple):
    """For 500,000 requests a second."""

    rps: float = 500_000
    posts_per_pod: float = 13_900
    reports_per_pod: tuple[float, float] = (3_800, 5_000)
    growth: float = 2
    collectors: int = 36
    processors: int = 130
    partitions: int = 512


REFERENCE = Reference()


def recomputed(consumer: float, found: Reference = REFERENCE) -> tuple[int, int, int]:
    """Its collectors, processors and partitions by our formulas, at `consumer` reports/s a processor."""
    split = partitions(found.rps, found.rps, consumer, found.growth)
    return ceiling(found.rps / found.posts_per_pod), ceiling(found.rps / consumer), split
