"""What lies behind the pods: Kafka's partitions and brokers, ClickHouse's cores and disk."""

import msgspec

from loadtest.capacity.costs import Costs
from loadtest.capacity.demand import Demand, a_day, flow, posts_a_day
from loadtest.capacity.envelopes import log_bytes
from loadtest.capacity.pods import Collectors, Processors, ceiling


class Kafka(msgspec.Struct, frozen=True):
    """Bytes a second at the peak. `brokers_for`: which need made it so many. `disk_bytes`: of all brokers."""

    partitions: int
    brokers: int
    brokers_for: str
    cores: float
    in_bytes_per_second: float
    replicated_bytes_per_second: float
    out_bytes_per_second: float
    disk_bytes: float


class ClickHouse(msgspec.Struct, frozen=True):
    """Of all replicas together. `rows_per_second` at the peak, `rows` at the end of the retention: folded."""

    cores: float
    rows_per_second: float
    rows: float
    disk_bytes: float


def partitions(reports: float, producer: float, consumer: float, growth: float, least: int = 1) -> int:
    """P = max(T / Tp, T / Tc) x growth, all in reports/s, and one for each of `least` processors.

    The next power of two: however often processors are doubled, each has as many partitions as the others.
    """
    wanted = max(reports / producer, reports / consumer) * growth
    return 1 << (max(least, ceiling(wanted), 1) - 1).bit_length()


def kafka(demand: Demand, costs: Costs, collecting: Collectors, its: Processors) -> Kafka:
    reports = flow(demand.rps, costs).reports
    each = log_bytes(demand.rps / collecting.pods, costs)
    split = partitions(reports, costs.partition_bytes / each, its.reports_per_pod, demand.growth, its.pods)
    in_bytes = reports * each
    kept = logged_a_day(demand, costs, collecting) * costs.log_retention_hours / 24
    disk = kept * costs.replication / costs.disk_fill
    brokers, why = _brokers(in_bytes, disk, split, costs)
    replicated = in_bytes * (costs.replication - 1)
    return Kafka(split, brokers, why, brokers * costs.broker_cores, in_bytes, replicated, in_bytes, disk)


def logged_a_day(demand: Demand, costs: Costs, collecting: Collectors) -> float:
    """Bytes of the log, one copy: at the usual rate a report takes more of them, if its pod takes fewer POSTs."""
    peak, usual = (flow(posts, costs).reports for posts in posts_a_day(demand, costs))
    at_peak = log_bytes(demand.rps / collecting.pods, costs)
    return peak * at_peak + usual * log_bytes(demand.usual_rps / collecting.pods_usual, costs)


def _brokers(in_bytes: float, disk_bytes: float, split: int, costs: Costs) -> tuple[int, str]:
    """One more than the largest need: any of them may die. As many as there are copies, at least.

    Every byte is written once by each of its copies; what a broker receives it writes, and sends it on as often.
    """
    written = in_bytes * costs.replication
    needs = {
        "network": written / costs.broker_network_bytes / costs.broker_utilisation,
        "disk writes": written / costs.broker_write_bytes / costs.broker_utilisation,
        "disk size": disk_bytes / costs.broker_disk_bytes,
        "partitions": split * costs.replication / costs.broker_partitions,
    }
    largest = max(needs, key=lambda name: needs[name])
    wanted = ceiling(needs[largest]) + 1
    copies = int(costs.replication)
    return (copies, "copies") if wanted <= copies else (wanted, largest)


def clickhouse(demand: Demand, costs: Costs) -> ClickHouse:
    new = 1 - demand.repeats
    rows = flow(demand.rps, costs).reports * new
    inserting = rows * costs.store_row / 1e6 / costs.store_utilisation
    kept = a_day(demand, costs).reports * new * costs.store_days
    disk = kept * costs.row_bytes * costs.store_replicas / costs.disk_fill
    cores = (inserting + costs.store_query_cores) * costs.store_replicas
    return ClickHouse(cores, rows, kept, disk)
