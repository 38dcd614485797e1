"""What a report takes in the log: a pod ships what came in 50 ms in one envelope, and small ones hold less a byte."""

import math
from itertools import pairwise

from loadtest.capacity.costs import Costs


def log_bytes(posts: float, costs: Costs) -> float:
    """Of a report, one copy, where a pod takes so many POSTs a second.

    Between the rates that were measured on straight lines over the rate's logarithm, beyond them the nearest; and
    never less than in the full envelopes of a backlog.
    """
    points = [
        (100, costs.log_bytes_100),
        (500, costs.log_bytes_500),
        (2_600, costs.log_bytes_2600),
        (5_000, costs.log_bytes_5000),
        (20_000, costs.log_bytes),
    ]
    found = points[0][1]
    for (low, more), (high, fewer) in pairwise(points):
        if posts > low:
            share = min(1.0, math.log(posts / low) / math.log(high / low))
            found = more + (fewer - more) * share
    return max(found, costs.log_bytes)
