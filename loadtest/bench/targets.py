"""What is asked of the figures, by their keys: from the design's table of figures to reach."""

from typing import NamedTuple

from loadtest.bench.figures import Figure, rounded


class Target(NamedTuple):
    """`more`: at least `value`, else at most; `dream` is what would be better than asked."""

    more: bool
    value: float
    dream: float | None = None

    def __str__(self) -> str:
        dream = f" ({rounded(self.dream)})" if self.dream is not None else ""
        return f"{'≥' if self.more else '≤'} {rounded(self.value)}{dream}"

    def met(self, value: float) -> bool:
        return value >= self.value if self.more else value <= self.value


def _least(value: float, dream: float | None = None) -> Target:
    return Target(True, value, dream)


def _most(value: float) -> Target:
    return Target(False, value)


TARGETS = {
    "collector.legacy.fast-over-nginx": _least(0.50, 0.65),
    "collector.legacy.fast-over-go": _least(2.5),
    "collector.legacy.granian-over-nginx": _least(0.28),
    "collector.preflight.fast-over-nginx": _least(0.85),
    "collector.array.fast.reports": _least(150_000),
    "collector.connection.best-over-nginx": _least(0.6),
    "collector.two-over-one": _least(1.8),
    "durability.disk-over-memory": _least(0.85),
    "latency.50.fast.p50": _most(1),
    "latency.50.fast.p99": _most(5),
    "processor.different.rate": _least(40_000),
    "processor.burst.rate": _least(150_000),
    "processor.different.peak": _most(1024),
    "processor.typical.peak": _most(1024),
    "processor.burst.peak": _most(1024),
    "processor.growth": _most(10),
    "processor.merged.peak": _most(1024),
    "bytes.log.typical": _most(30),
    "bytes.row.different": _most(20),
    "bytes.row.different.merged": _most(20),
    "bytes.row.typical": _most(20),
    "bytes.row.typical.merged": _most(20),
    "bytes.row.month": _most(20),
    "bytes.store.month": _most(20),
    "console.page": _most(300),
    "console.api": _most(300),
    "soak.worker.max": _most(150),
    "soak.processor.max": _most(1024),
    # Flat: in an hour less than a tenth of what each may have.
    "soak.worker.slope": _most(15),
    "soak.processor.slope": _most(102),
}


def verdict(figure: Figure) -> bool | None:
    """Whether its target is met; None where there is none, or nothing was measured."""
    target = TARGETS.get(figure.key)
    return None if target is None or figure.value is None else target.met(figure.value)
