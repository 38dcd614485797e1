"""Which figures of a plan or a simulation are drawn."""

from collections.abc import Callable

from loadtest.capacity.answers import Answer
from loadtest.capacity.costs import Costs
from loadtest.capacity.plan import Plan
from loadtest.capacity.reference import REFERENCE
from loadtest.capacity.simulation import Moment
from loadtest.capacity.svg import Bars, Line, Lines, document
from loadtest.capacity.tables import size

_POINTS = 400
_REFERENCE_NAME = "reference, 500k"


def plans(found: list[Plan]) -> str:
    def bars(title: str, unit: str, value: Callable[[Plan], float], theirs: float = 0) -> Bars:
        shown = [(f"{one.demand.rps:,.0f} RPS", value(one), f"{value(one):,.0f}", True) for one in found]
        return Bars(title, unit, [*shown, *([(_REFERENCE_NAME, theirs, f"{theirs:,.0f}", False)] if theirs else [])])

    def disks(title: str, value: Callable[[Plan], float]) -> Bars:
        return Bars(
            title, "bytes", [(f"{one.demand.rps:,.0f} RPS", value(one), size(value(one)), True) for one in found]
        )

    return document(
        "CSP-Sentinel: what a load needs",
        [
            bars("Collector pods at the peak", "pods", lambda one: one.collectors.pods, REFERENCE.collectors),
            bars("Processor pods at the peak", "pods", lambda one: one.processors.pods, REFERENCE.processors),
            bars("Kafka partitions", "partitions", lambda one: one.kafka.partitions, REFERENCE.partitions),
            bars("ClickHouse cores", "cores", lambda one: one.clickhouse.cores),
            disks("Kafka disk, all copies", lambda one: one.kafka.disk_bytes),
            disks("ClickHouse disk, all copies", lambda one: one.clickhouse.disk_bytes),
        ],
    )


def answered(found: Answer, costs: Costs) -> str:
    """The run in which nothing is dropped; dashed, what the plan alone would do."""
    solved, planned = found.solved.moments, found.planned.moments

    def line(name: str, moments: list[Moment], value: Callable[[Moment], float], *, dashed: bool = False) -> Line:
        step = max(1, len(moments) // _POINTS)
        return Line(name, [(one.second / 60, value(one)) for one in moments[::step]], dashed)

    return document(
        f"CSP-Sentinel, {found.scenario}: {found.about}",
        [
            Lines("Load", "reports/s", [line("arrive", solved, lambda one: one.load)]),
            Lines("Ready pods", "pods", [
                line("collectors", solved, lambda one: one.collectors),
                line("processors", solved, lambda one: one.processors),
                line("collectors, planned", planned, lambda one: one.collectors, dashed=True),
            ]),
            Lines("Dropped by then", "reports", [
                line("solved", solved, lambda one: one.dropped),
                line("planned", planned, lambda one: one.dropped, dashed=True),
            ]),
            Lines("Waiting", "bytes", [
                line("spools", solved, lambda one: one.spooled * costs.spool_bytes),
                line("Kafka, one copy", solved, lambda one: one.logged_bytes),
            ]),
            Lines("Lag", "s", [
                line("solved", solved, lambda one: one.lag),
                line("planned", planned, lambda one: one.lag, dashed=True),
            ]),
        ],
    )  # fmt: skip
