"""How many pods: for collectors by CPU and the loss of a zone, for processors by CPU alone, since Kafka waits."""

import math

import msgspec

from loadtest.capacity.costs import Costs
from loadtest.capacity.demand import Demand, Flow, flow

# Share of repeats at which a processor was measured.
_TYPICAL, _BURST = 0.7, 0.9
_MICROS = 1e6


class Collectors(msgspec.Struct, frozen=True):
    """A pod has one worker, which uses one core. `posts_per_pod`: a second, at the utilisation aimed at.

    `spool_bytes_per_pod`: for an outage of Kafka at that rate: what SENTINEL_SPOOL_MAX_BYTES must be.
    """

    pods: int
    pods_usual: int
    cores_used: float
    posts_per_pod: float
    spool_bytes_per_pod: float
    spool_bytes: float


class Processors(msgspec.Struct, frozen=True):
    """A pod uses one core. `reports_per_pod`: a second, of one that does nothing else."""

    pods: int
    pods_usual: int
    cores_used: float
    reports_per_pod: float


def ceiling(value: float) -> int:
    """The next whole number, but for what floating-point arithmetic adds."""
    return math.ceil(round(value, 9))


def collectors(demand: Demand, costs: Costs) -> Collectors:
    peak, usual = flow(demand.rps, costs), flow(demand.usual_rps, costs)
    pods, pods_usual = collector_pods(peak, costs), collector_pods(usual, costs)
    busiest = max(peak.reports / pods, usual.reports / pods_usual)
    spool = busiest * costs.spool_bytes * costs.outage_hours * 3600
    cores = collector_cores(peak, costs)
    return Collectors(pods, pods_usual, cores, demand.rps / cores * costs.utilisation, spool, spool * pods)


def collector_cores(found: Flow, costs: Costs) -> float:
    micros = (
        found.posts * costs.collector_post
        + (found.reports - found.posts) * costs.collector_array_report
        + found.preflights * costs.collector_preflight
        + found.connections * costs.collector_connection
        + found.reports * costs.collector_ship
    )
    return micros / _MICROS


def collector_pods(found: Flow, costs: Costs) -> int:
    """The fewest that keep to `utilisation`, and, while the fullest zone is away, to `zone_loss_utilisation`."""
    cores, zones = collector_cores(found, costs), int(costs.zones)
    pods = max(zones, 2, ceiling(cores / costs.utilisation))
    if zones == 1:
        return pods
    left = ceiling(cores / costs.zone_loss_utilisation)  # pods that must be there still
    pods = max(pods, math.ceil(left * zones / (zones - 1)))
    while pods - math.ceil(pods / zones) < left:
        pods += 1
    return pods


def processors(demand: Demand, costs: Costs) -> Processors:
    micros = processor_micros(demand.repeats, costs)
    peak, usual = (flow(posts, costs).reports * micros / _MICROS for posts in (demand.rps, demand.usual_rps))
    return Processors(processor_pods(peak, costs), processor_pods(usual, costs), peak, _MICROS / micros)


def processor_pods(cores: float, costs: Costs) -> int:
    """Two at least, so that one may die and the lag stays small."""
    return max(2, ceiling(cores / costs.processor_utilisation))


def processor_micros(repeats: float, costs: Costs) -> float:
    """Of a report: between the shares of repeats that were measured on a straight line, beyond them the nearest."""
    if repeats < _TYPICAL:
        low, high, share = costs.processor_different, costs.processor_typical, repeats / _TYPICAL
    else:
        share = min(1.0, (repeats - _TYPICAL) / (_BURST - _TYPICAL))
        low, high = costs.processor_typical, costs.processor_burst
    return low + (high - low) * share
