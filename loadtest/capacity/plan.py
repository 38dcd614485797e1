"""The whole answer to one demand, and what it comes to in a month."""

import msgspec

from loadtest.capacity.costs import Costs
from loadtest.capacity.demand import Demand, Flow, a_day, flow
from loadtest.capacity.places import ClickHouse, Kafka, clickhouse, kafka, logged_a_day
from loadtest.capacity.pods import Collectors, Processors, collectors, processors

_GB = 1e9
_MONTH_DAYS = 30


class Network(msgspec.Struct, frozen=True):
    """Bytes a second at the peak, between browsers and collectors; Kafka's own are with Kafka."""

    in_bytes_per_second: float
    out_bytes_per_second: float


class Driver(msgspec.Struct, frozen=True):
    """`quantity` in `unit`; `price` of one a month, and `cost`, where the costs file has prices."""

    quantity: float
    unit: str
    price: float | None
    cost: float | None


class Monthly(msgspec.Struct, frozen=True):
    """What is paid for. `cores`: on average, since pods come and go; `traffic`: what crosses zones or comes from
    browsers and goes to them.
    """

    cores: Driver
    disk: Driver
    traffic: Driver
    cost: float | None


class Plan(msgspec.Struct, frozen=True):
    """`peak` and `usual` are what arrives a second."""

    demand: Demand
    peak: Flow
    usual: Flow
    collectors: Collectors
    processors: Processors
    kafka: Kafka
    clickhouse: ClickHouse
    network: Network
    monthly: Monthly


def plan(demand: Demand, costs: Costs) -> Plan:
    peak = flow(demand.rps, costs)
    collecting, processing, store = collectors(demand, costs), processors(demand, costs), clickhouse(demand, costs)
    log = kafka(demand, costs, collecting, processing)
    return Plan(
        demand=demand,
        peak=peak,
        usual=flow(demand.usual_rps, costs),
        collectors=collecting,
        processors=processing,
        kafka=log,
        clickhouse=store,
        network=Network(*_http_bytes(peak, costs)),
        monthly=_monthly(demand, costs, (collecting, processing), log, store),
    )


def _http_bytes(found: Flow, costs: Costs) -> tuple[float, float]:
    """In and out: heads, bodies, answers; not TLS nor TCP."""
    bodies = found.posts * costs.head_bytes + found.reports * costs.body_bytes
    return bodies + found.preflights * costs.preflight_bytes, (found.posts + found.preflights) * costs.answer_bytes


def _monthly(
    demand: Demand, costs: Costs, stages: tuple[Collectors, Processors], log: Kafka, store: ClickHouse
) -> Monthly:
    at_peak = costs.peak_hours / 24
    pods = sum(stage.pods * at_peak + stage.pods_usual * (1 - at_peak) for stage in stages)
    disk = log.disk_bytes + store.disk_bytes + stages[0].spool_bytes
    cores = _driver(pods + log.cores + store.cores, "cores", costs.price_core)
    disks = _driver(disk / _GB, "GB", costs.price_disk)
    traffic = _driver(_traffic(demand, costs, stages[0]) / _GB, "GB", costs.price_traffic)
    known = [driver.cost for driver in (cores, disks, traffic) if driver.cost is not None]
    return Monthly(cores, disks, traffic, sum(known) if known else None)


def _traffic(demand: Demand, costs: Costs, collecting: Collectors) -> float:
    """Bytes a month: with browsers; and between zones, where a copy, a producer or a consumer is in another one."""
    found = a_day(demand, costs)
    elsewhere = (costs.zones - 1) / costs.zones
    copies = 2 * elsewhere + (costs.replication - 1) * min(1, costs.zones - 1)
    between = logged_a_day(demand, costs, collecting) * copies
    return (sum(_http_bytes(found, costs)) + between) * _MONTH_DAYS


def _driver(quantity: float, unit: str, price: float) -> Driver:
    """No price is invented: without one there is no cost."""
    return Driver(quantity, unit, price or None, quantity * price if price else None)
