"""What arrives: from POSTs a second to reports, preflights and new connections, which cost apart."""

import msgspec

from loadtest.capacity.costs import Costs

_DAY_HOURS = 24


class Demand(msgspec.Struct, frozen=True):
    """`rps`: POSTs with reports a second at the peak; `burst`: how many times the usual rate that is.

    `repeats`: share of the reports that repeat a violation of the same 10-minute window. `growth`: what the number of
    partitions is multiplied with, because no autoscaler adds any, and nobody can take one away.
    """

    rps: float
    burst: float = 10.0
    repeats: float = 0.7
    growth: float = 2.0

    @property
    def usual_rps(self) -> float:
        return self.rps / self.burst


class Flow(msgspec.Struct, frozen=True):
    """A second's worth."""

    posts: float
    reports: float
    preflights: float
    connections: float


def flow(posts: float, costs: Costs) -> Flow:
    """Of so many POSTs a second."""
    arrays = posts * costs.array_share
    reports = posts - arrays + arrays * costs.array_reports
    return Flow(posts, reports, arrays * costs.preflights_per_array, posts * costs.connection_share)


def a_day(demand: Demand, costs: Costs) -> Flow:
    """All of a day."""
    return flow(sum(posts_a_day(demand, costs)), costs)


def posts_a_day(demand: Demand, costs: Costs) -> tuple[float, float]:
    """Some hours at the peak, the others at the usual rate."""
    peak = demand.rps * costs.peak_hours
    usual = demand.usual_rps * (_DAY_HOURS - costs.peak_hours)
    return peak * 3600, usual * 3600
