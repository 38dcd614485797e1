"""The measured burst beside the simulated one: the same curves, what they are off by, and a chart of both."""

from bisect import bisect_left
from typing import NamedTuple

import msgspec

from loadtest.bench.burst import Measured, share
from loadtest.bench.chain import PARTITIONS, Look
from loadtest.capacity.costs import Costs
from loadtest.capacity.simulation import Fleet, Rates, World
from loadtest.capacity.svg import Line, Lines, document

_GONE_SECONDS = 5.0  # a lag under this is that of batches, which the simulation knows nothing of
_AMPLE = 1e18
_SMOOTH = 8  # looks: the collector's count is renewed once a second


class Point(NamedTuple):
    """`at`: seconds since the first step. `behind`: reports answered and not stored; `lag`: age of the oldest."""

    at: float
    load: float
    behind: float
    lag: float


class Compared(msgspec.Struct):
    """`simulated` by what was measured before the burst; `shared`: told also which share of its core the processor had
    in the burst, of which the simulation knows nothing on a machine that others use.
    """

    name: str
    unit: str
    measured: float
    simulated: float
    shared: float

    def error(self, simulated: float) -> float:
        """Over what was measured: 0.1 is a tenth too much."""
        return simulated / self.measured - 1 if self.measured else 0.0


def measured(found: Measured) -> list[Point]:
    began = found.steps[0].began
    looks = [look for look in found.looks if look.at >= began]
    first = looks[0]
    points = []
    for number, look in enumerate(looks[1:], 1):
        before = looks[max(0, number - _SMOOTH)]
        load = (look.accepted - before.accepted) / (look.at - before.at)
        behind = look.accepted - look.stored
        points.append(Point(look.at - began, load, behind, look.at - _accepted_at(looks, look.stored, first)
                            if behind > 0 else 0.0))  # fmt: skip
    return points


def _accepted_at(looks: list[Look], stored: float, first: Look) -> float:
    """When the report that is stored next was accepted, on straight lines between two looks."""
    number = bisect_left(looks, stored, key=lambda look: look.accepted)
    if number in (0, len(looks)):
        return first.at if number == 0 else looks[-1].at
    low, high = looks[number - 1], looks[number]
    return low.at + (stored - low.accepted) / (high.accepted - low.accepted) * (high.at - low.at)


def slowed(found: Measured) -> float:
    """The processor's share of its core in the burst, over that before."""
    begins = found.steps[1].began
    return share([look for look in found.looks if look.at >= begins]) / found.share


def simulated(found: Measured, costs: Costs, speed: float = 1) -> list[Point]:
    """One collector and one processor, by the rates that this machine had just before; nothing scales."""
    fleet = Fleet(1, 1, 1, 1, _AMPLE, PARTITIONS, 1.0)
    its = msgspec.structs.replace(costs, processor_batch=found.batch / speed)
    world = World(fleet, Rates(found.accept, _AMPLE, found.process * speed, _AMPLE), its, found.per_post)
    points: list[Point] = []
    began, ends = found.steps[0].began, found.looks[-1].at
    for second in range(int(ends - began) + 1):
        posts = sum(
            step.result.asked_rate
            for step in found.steps
            if step.began - began <= second < step.began - began + step.requests / step.result.asked_rate
        )
        moment = world.step(second, posts, "")
        behind = moment.waiting + moment.spooled + moment.logged
        points.append(Point(float(second), moment.load, behind, moment.lag))
    return points


def compared(found: Measured, costs: Costs) -> list[Compared]:
    real, model, shared = measured(found), simulated(found, costs), simulated(found, costs, slowed(found))
    burst = found.steps[1].began - found.steps[0].began
    three = (real, model, shared)
    return [
        Compared("most reports behind", "reports", *(max(point.behind for point in points) for points in three)),
        Compared("longest lag", "s", *(max(point.lag for point in points) for points in three)),
        Compared("lag gone, after the burst began", "s", *(_gone(points) - burst for points in three)),
        Compared("requests dropped", "requests", float(found.wrong), 0.0, 0.0),
    ]


def _gone(points: list[Point]) -> float:
    return max((point.at for point in points if point.lag > _GONE_SECONDS), default=0.0)


def chart(found: Measured, costs: Costs, title: str) -> str:
    curves = {
        "measured": measured(found),
        "simulated": simulated(found, costs),
        "told its share": simulated(found, costs, slowed(found)),
    }

    def panel(name: str, unit: str, which: str) -> Lines:
        lines = [
            Line(name, [(point.at, getattr(point, which)) for point in points], name != "measured")
            for name, points in curves.items()
        ]
        return Lines(name, unit, lines, "seconds")

    off = [
        f"{one.name} {one.error(one.simulated):+.0%} ({one.error(one.shared):+.0%})"
        for one in compared(found, costs)
        if one.measured
    ]
    return document(
        title,
        [
            panel("Load", "reports/s", "load"),
            panel(f"Answered and not stored. The simulation is off by: {off[0]}", "reports", "behind"),
            panel(f"Lag. The simulation is off by: {', '.join(off[1:3])}", "s", "lag"),
        ],
    )
