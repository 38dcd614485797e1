"""What may happen: how many POSTs come in each second, and when Kafka or ClickHouse is away."""

from collections.abc import Callable
from typing import NamedTuple

from loadtest.capacity.costs import Costs
from loadtest.capacity.demand import Demand

CALM_SECONDS = 120  # before it begins


class Scenario(NamedTuple):
    """`posts` are those of a second. Seconds from the start; what is away is so from CALM_SECONDS to `ends`."""

    name: str
    about: str
    posts: Callable[[float], float]
    most_posts: float
    ends: float
    away: str = ""  # kafka or clickhouse


def burst(demand: Demand, costs: Costs) -> Scenario:
    usual, peak = demand.usual_rps, demand.rps
    high = CALM_SECONDS + costs.ramp
    ends = high + costs.burst_seconds

    def posts(now: float) -> float:
        if not CALM_SECONDS <= now < ends:
            return usual
        return peak if now >= high else usual + (peak - usual) * (now - CALM_SECONDS) / costs.ramp

    about = f"from {usual:,.0f} to {peak:,.0f} POSTs/s within {costs.ramp:g} s, for {costs.burst_seconds:g} s"
    return Scenario("burst", about, posts, peak, ends)


def failover(demand: Demand, costs: Costs) -> Scenario:
    """Another region's traffic, and it stays."""
    usual = demand.usual_rps
    about = f"from {usual:,.0f} to {2 * usual:,.0f} POSTs/s at once, for {costs.burst_seconds:g} s"
    ends = CALM_SECONDS + costs.burst_seconds
    return Scenario("failover", about, lambda now: usual * (2 if CALM_SECONDS <= now < ends else 1), 2 * usual, ends)


def outage(demand: Demand, costs: Costs, what: str, shown: str) -> Scenario:
    usual = demand.usual_rps
    about = f"{shown} is away for {costs.outage_hours:g} h, at {usual:,.0f} POSTs/s"
    ends = CALM_SECONDS + costs.outage_hours * 3600
    return Scenario(f"{what}-outage", about, lambda _now: usual, usual, ends, what)


SCENARIOS: dict[str, Callable[[Demand, Costs], Scenario]] = {
    "burst": burst,
    "failover": failover,
    "kafka-outage": lambda demand, costs: outage(demand, costs, "kafka", "Kafka"),
    "clickhouse-outage": lambda demand, costs: outage(demand, costs, "clickhouse", "ClickHouse"),
}
