"""What a scenario does to what the plan provides, and what must be provided before so that nothing is dropped."""

import msgspec

from loadtest.capacity.costs import Costs
from loadtest.capacity.demand import Demand, flow
from loadtest.capacity.places import partitions
from loadtest.capacity.plan import plan
from loadtest.capacity.pods import ceiling, collector_pods
from loadtest.capacity.scenarios import CALM_SECONDS, SCENARIOS, Scenario
from loadtest.capacity.simulation import Fleet, Moment, rates, simulate

_DEFAULT_SPOOL_BYTES = 2 << 30  # SENTINEL_SPOOL_MAX_BYTES where nobody sets it
_AMPLE = 1e18
_MIB = 1 << 20
_HALF = 0.5  # of a report: what arithmetic leaves is not dropped


class Outcome(msgspec.Struct, frozen=True):
    """`dropped`: reports that were answered 503 or turned away; `longest_lag`: seconds; `lag_gone`: seconds after the
    scenario began, None where it was not within a day.
    """

    dropped: float
    dropped_share: float
    longest_lag: float
    lag_gone: float | None
    most_collectors: int
    most_processors: int
    spool_bytes_per_pod: float
    log_bytes: float


class Run(msgspec.Struct, frozen=True):
    fleet: Fleet
    outcome: Outcome
    moments: list[Moment]


class Answer(msgspec.Struct, frozen=True):
    """`planned`: pods as the plan has them, least for the usual rate and most for the peak, and the spool's default
    quota. `solved`: what drops nothing.
    """

    scenario: str
    about: str
    planned: Run
    solved: Run


def answer(name: str, demand: Demand, costs: Costs) -> Answer:
    """`name` is one of SCENARIOS."""
    scenario = SCENARIOS[name](demand, costs)
    fleet = planned(demand, costs)
    return Answer(
        scenario.name,
        scenario.about,
        run(scenario, fleet, demand, costs),
        run(scenario, solved(scenario, fleet, demand, costs), demand, costs),
    )


def planned(demand: Demand, costs: Costs) -> Fleet:
    found = plan(demand, costs)
    inserting = found.clickhouse.cores / costs.store_replicas - costs.store_query_cores
    return Fleet(
        collectors_least=found.collectors.pods_usual,
        collectors_most=found.collectors.pods,
        processors_least=found.processors.pods_usual,
        processors_most=found.processors.pods,
        spool_bytes=_DEFAULT_SPOOL_BYTES,
        partitions=found.kafka.partitions,
        store_cores=max(1.0, inserting),
    )


def run(scenario: Scenario, fleet: Fleet, demand: Demand, costs: Costs) -> Run:
    moments = simulate(scenario, fleet, demand, costs)
    last = moments[-1]
    late = [moment.second for moment in moments if moment.lag > costs.lag_accepted]
    gone = None if last.lag > costs.lag_accepted else max(0, late[-1] + 1 - CALM_SECONDS) if late else 0
    outcome = Outcome(
        dropped=last.dropped,
        dropped_share=last.dropped / last.arrived,
        longest_lag=max(moment.lag for moment in moments),
        lag_gone=gone,
        most_collectors=max(moment.collectors for moment in moments),
        most_processors=max(moment.processors for moment in moments),
        spool_bytes_per_pod=max(moment.spooled / moment.collectors for moment in moments) * costs.spool_bytes,
        log_bytes=max(moment.logged_bytes for moment in moments),
    )
    return Run(fleet, outcome, moments)


def solved(scenario: Scenario, fleet: Fleet, demand: Demand, costs: Costs) -> Fleet:
    """First the fewest collectors with which no spool is too small, then the smallest quota with which they do."""
    most = max(fleet.collectors_most, collector_pods(flow(scenario.most_posts, costs), costs))
    ample = msgspec.structs.replace(fleet, collectors_most=most, spool_bytes=_AMPLE)
    low, high = fleet.collectors_least, most
    while low < high:
        middle = (low + high) // 2
        if _drops(scenario, msgspec.structs.replace(ample, collectors_least=middle), demand, costs):
            low = middle + 1
        else:
            high = middle
    enough = msgspec.structs.replace(ample, collectors_least=low)
    spooled = run(scenario, enough, demand, costs).outcome.spool_bytes_per_pod
    quota = max(_DEFAULT_SPOOL_BYTES, (ceiling(spooled / _MIB) + 1) * _MIB)
    split = partitions(0, 1, rates(demand, costs).process, demand.growth, fleet.processors_most)
    return msgspec.structs.replace(enough, spool_bytes=float(quota), partitions=max(split, fleet.partitions))


def _drops(scenario: Scenario, fleet: Fleet, demand: Demand, costs: Costs) -> bool:
    return simulate(scenario, fleet, demand, costs)[-1].dropped > _HALF
