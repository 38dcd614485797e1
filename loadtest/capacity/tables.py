"""Plans and simulations as a person reads them in a terminal."""

from collections.abc import Callable

from rich.table import Table

from loadtest.capacity.answers import Answer, Run
from loadtest.capacity.costs import Costs
from loadtest.capacity.plan import Driver, Plan
from loadtest.capacity.reference import REFERENCE

_REFERENCE = {
    "POSTs/s at the peak": f"{REFERENCE.rps:,.0f}",
    "reports/s": f"{REFERENCE.rps:,.0f}",
    "collector pods": str(REFERENCE.collectors),
    "  POSTs/s a pod": f"{REFERENCE.posts_per_pod:,.0f}",
    "processor pods": str(REFERENCE.processors),
    "  reports/s a pod": "-".join(f"{rate:,.0f}" for rate in REFERENCE.reports_per_pod),
    "Kafka partitions": str(REFERENCE.partitions),
}
_ROWS: dict[str, Callable[[Plan], str]] = {
    "POSTs/s at the peak": lambda it: f"{it.peak.posts:,.0f}",
    "  the usual rate": lambda it: f"{it.usual.posts:,.0f}",
    "preflights/s": lambda it: f"{it.peak.preflights:,.0f}",
    "new connections/s": lambda it: f"{it.peak.connections:,.0f}",
    "reports/s": lambda it: f"{it.peak.reports:,.0f}",
    "collector pods": lambda it: f"{it.collectors.pods:,}",
    "  at the usual rate": lambda it: f"{it.collectors.pods_usual:,}",
    "  POSTs/s a pod": lambda it: f"{it.collectors.posts_per_pod:,.0f}",
    "  spool a pod": lambda it: size(it.collectors.spool_bytes_per_pod),
    "processor pods": lambda it: f"{it.processors.pods:,}",
    "  at the usual rate ": lambda it: f"{it.processors.pods_usual:,}",
    "  reports/s a pod": lambda it: f"{it.processors.reports_per_pod:,.0f}",
    "Kafka partitions": lambda it: f"{it.kafka.partitions:,}",
    "Kafka brokers": lambda it: f"{it.kafka.brokers:,} ({it.kafka.brokers_for})",
    "  in, and as much out": lambda it: f"{size(it.kafka.in_bytes_per_second)}/s",
    "  between brokers": lambda it: f"{size(it.kafka.replicated_bytes_per_second)}/s",
    "  disk, all copies": lambda it: size(it.kafka.disk_bytes),
    "ClickHouse cores": lambda it: f"{it.clickhouse.cores:,.0f}",
    "  rows/s": lambda it: f"{it.clickhouse.rows_per_second:,.0f}",
    "  disk, all copies ": lambda it: size(it.clickhouse.disk_bytes),
    "HTTP in": lambda it: f"{size(it.network.in_bytes_per_second)}/s",
    "HTTP out": lambda it: f"{size(it.network.out_bytes_per_second)}/s",
    "a month: cores": lambda it: driver(it.monthly.cores),
    "  disk": lambda it: driver(it.monthly.disk),
    "  traffic": lambda it: driver(it.monthly.traffic),
    "  cost": lambda it: "-" if it.monthly.cost is None else f"{it.monthly.cost:,.0f}",
}  # fmt: skip


def plans(found: list[Plan]) -> Table:
    """A column a plan, and the reference."""
    made = Table()
    made.add_column("")
    for one in found:
        made.add_column(f"{one.demand.rps:,.0f} RPS", justify="right")
    made.add_column("reference, 500,000", justify="right", style="dim")
    for name, shown in _ROWS.items():
        made.add_row(name.rstrip(" "), *map(shown, found), _REFERENCE.get(name, ""))
    return made


def driver(found: Driver) -> str:
    cost = "" if found.cost is None else f": {found.cost:,.0f}"
    return f"{found.quantity:,.0f} {found.unit}{cost}"


def size(amount: float) -> str:
    """Bytes, with three digits."""
    amount = float(round(amount))
    for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
        if amount < 999.5 or unit == "PB":
            break
        amount /= 1000
    return f"{amount:.3g} {unit}"


_RUN_ROWS: dict[str, Callable[[Run], str]] = {
    "collectors, least": lambda it: f"{it.fleet.collectors_least:,}",
    "collectors, most allowed": lambda it: f"{it.fleet.collectors_most:,}",
    "processors, least and most": lambda it: f"{it.fleet.processors_least:,} {it.fleet.processors_most:,}",
    "partitions": lambda it: f"{it.fleet.partitions:,}",
    "spool quota a pod": lambda it: size(it.fleet.spool_bytes),
    "reports dropped": lambda it: f"{it.outcome.dropped:,.0f} ({it.outcome.dropped_share:.1%})",
    "longest lag": lambda it: time(it.outcome.longest_lag),
    "lag gone, after it began": lambda it: (
        "never within a day" if it.outcome.lag_gone is None else time(it.outcome.lag_gone)
    ),
    "collectors at most": lambda it: f"{it.outcome.most_collectors:,}",
    "processors at most": lambda it: f"{it.outcome.most_processors:,}",
    "spool a pod at most": lambda it: size(it.outcome.spool_bytes_per_pod),
    "waiting in Kafka at most, one copy": lambda it: size(it.outcome.log_bytes),
}


def answered(found: Answer) -> Table:
    made = Table(title=f"{found.scenario}: {found.about}", title_justify="left")
    made.add_column("")
    made.add_column("as planned", justify="right")
    made.add_column("so that none is dropped", justify="right")
    for name, shown in _RUN_ROWS.items():
        style = "bold" if name == "reports dropped" else ""
        made.add_row(name, shown(found.planned), shown(found.solved), style=style)
    return made


def told(found: Answer, costs: Costs) -> list[str]:
    """The answer in sentences."""
    planned, needed = found.planned.fleet, found.solved.fleet
    changes = []
    if needed.collectors_least > planned.collectors_least:
        changes.append(f"{needed.collectors_least:,} collectors that already run (minReplicas)")
    if needed.collectors_most > planned.collectors_most:
        changes.append(f"{needed.collectors_most:,} collectors allowed (maxReplicas)")
    if needed.spool_bytes > planned.spool_bytes:
        quota = f"SENTINEL_SPOOL_MAX_BYTES={needed.spool_bytes:.0f}"
        changes.append(f"{quota} and a disk of that size for each collector")
    what = f"before, it takes {'; '.join(changes)}" if changes else "the plan's pods and the default quota are enough"
    return [
        f"So that nothing is dropped: {what}.",
        f"A pod takes {costs.pod_start:g} s to start; the autoscaler looks every {costs.hpa_sync:g} s at figures that "
        f"are {costs.metric_delay:g} s old; a lag under {costs.lag_accepted:g} s counts as gone. What Chromium sends "
        "again after a 503 is not played: a dropped report stays dropped. Each can be replaced with --costs.",
    ]


def time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
