"""The load profiles as data: how many posts a second when, and what must hold. Pure.

At scale 1 a profile is a thousandth of what the pipeline is designed for (50,000 requests a second, 500,000 in a
burst), which a laptop can both send and take.
"""

from itertools import accumulate
from typing import NamedTuple

_MINUTE = 60.0


class Stage(NamedTuple):
    """`rate`: posts a second, from its beginning on or, with `ramp`, reached evenly from the stage before."""

    rate: float
    seconds: float
    ramp: bool = False


class Thresholds(NamedTuple):
    """`errors`: greatest share of requests that may fail, from 0 to 1. `p95`, `p99`: longest answers, ms."""

    errors: float
    p95: float
    p99: float


class Profile(NamedTuple):
    """`seeks_limit`: it ends where a threshold breaks, and the rate that it reached is the result."""

    name: str
    about: str
    stages: tuple[Stage, ...]
    thresholds: Thresholds
    seeks_limit: bool = False

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    def rate(self, at: float) -> float | None:
        """Posts a second, `at` seconds after the beginning; None when it is over."""
        before = 0.0
        for stage, end in zip(self.stages, accumulate(stage.seconds for stage in self.stages), strict=True):
            if at < end:
                done = 1 - (end - at) / stage.seconds
                return before + (stage.rate - before) * done if stage.ramp else stage.rate
            before = stage.rate
        return None

    def users(self, at: float) -> int | None:
        """Locust's users, each of which sends a post a second at scale 1: at least one while it lasts."""
        rate = self.rate(at)
        return None if rate is None else max(1, round(rate))

    def lasting(self, minutes: float) -> "Profile":
        """The same in another time, every stage in proportion."""
        factor = minutes * _MINUTE / self.seconds
        return self._replace(stages=tuple(stage._replace(seconds=stage.seconds * factor) for stage in self.stages))


_BREAKPOINT_STEPS = 100

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "a few posts, to see that everything works",
            (Stage(10, 20),),
            Thresholds(errors=0, p95=1000, p99=2000),
        ),
        Profile(
            "average",
            "a usual day: a constant rate",
            (Stage(50, 30, ramp=True), Stage(50, 270)),
            Thresholds(errors=0.001, p95=200, p99=500),
        ),
        Profile(
            "stress",
            "more than usual, step by step, and back: does it hold, and does it recover?",
            (Stage(100, 60), Stage(150, 60), Stage(200, 60), Stage(250, 60), Stage(50, 60)),
            Thresholds(errors=0.01, p95=500, p99=1500),
        ),
        Profile(
            "spike",
            "ten times the usual within a second, for a minute: a policy that breaks a whole site",
            (Stage(50, 60), Stage(500, 60), Stage(50, 120)),
            Thresholds(errors=0.01, p95=1000, p99=3000),
        ),
        Profile(
            "soak",
            "the usual rate for an hour: what leaks, fills up or slows down?",
            (Stage(50, 60 * _MINUTE),),
            Thresholds(errors=0.001, p95=200, p99=500),
        ),
        Profile(
            "breakpoint",
            "ever more, until a threshold breaks: the rate reached is the result",
            tuple(Stage(50.0 * (step + 1), 15) for step in range(_BREAKPOINT_STEPS)),
            Thresholds(errors=0.01, p95=1000, p99=3000),
            seeks_limit=True,
        ),
    )
}
