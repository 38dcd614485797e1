"""What a reader must know before trusting the plan: definitions, what was measured, and every assumption by name."""

from loadtest.capacity.costs import Table
from loadtest.capacity.demand import Demand
from loadtest.capacity.pods import processor_micros

# Which the simulation alone uses.
_SIMULATED = {
    "hpa_sync", "metric_delay", "scale_up_factor", "scale_up_pods", "scale_down_wait", "pod_start", "keda_poll",
    "lag_target", "rebalance", "pod_connections", "ramp", "burst_seconds", "lag_accepted",
}  # fmt: skip


def notes(table: Table, demand: Demand) -> list[str]:
    costs = table.costs
    micros = processor_micros(demand.repeats, costs)
    processor = table.figures["processor_typical"]
    assumed = [
        f"{name} {figure.value:g} {figure.unit}"
        for name, figure in table.assumed.items()
        if name not in _SIMULATED and not (name.startswith("price_") and figure.value == 0)
    ]
    return [
        "rps: POSTs with reports a second at the peak. Preflights, new connections and reports in arrays are more, and "
        "cost apart.",
        f"Measured: CPU and bytes, on {_where(table)}. A processor takes {micros:.3g} µs a report at "
        f"{demand.repeats:.0%} repeats ({_dated(processor.measured)}), with the store's engine in its process: so "
        "inserts count twice here, at the processors and at ClickHouse.",
        "Collectors: a core a pod, at utilisation at the peak, and enough while a zone is away. Processors: a core a "
        "pod, two at least. Brokers: one more than are needed. Disks: filled to disk_fill, all copies.",
        f"Assumed, each can be replaced with --costs: {'; '.join(assumed)}.",
        "The reference counts one report a request, no preflights, no connections, and removes repeats first.",
        "No machine of such a size was measured: between one core and a fleet lies load balancing, which is assumed "
        "to be even.",
    ]


def _where(table: Table) -> str:
    figure = table.figures["collector_post"]
    return f"{figure.where or 'a machine unnamed'} ({_dated(figure.measured)})"


def _dated(measured: str) -> str:
    return measured or "not measured: as given"
