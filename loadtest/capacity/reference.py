"""The plan that others made for such a pipeline (collector, Redis, Kafka, consumers), to stand beside ours.

It counts one report a request, no preflights and no connections, and removes repeats before they are stored.
"""

from typing import NamedTuple


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
