"""Posts as browsers send them, from a seed, with totals that can be checked exactly. Pure.

`learned`: as browsers were captured (`visits.py`), with what captures can't tell assumed. `demo`: the same with more of
the Reporting API, whose reports can be dated back, with nothing sent again, and with an intruder at the end.

The benchmark's own mixes (`steady.py`) are harder on caches and even in time. `different`: no two reports are the same
violation. `typical`: 70% repeat one of 300 kinds. `burst`: 90% do, and every policy has a nonce of its own.
"""

from collections.abc import Iterator

from loadtest.traffic.making import ARRAY_SIZES, Making, Shape
from loadtest.traffic.posts import Post, Totals
from loadtest.traffic.steady import Steady
from loadtest.traffic.visits import Visits

__all__ = ["SHAPES", "Post", "Totals", "Traffic"]
SHAPES = {
    "different": Shape(0),
    "typical": Shape(0.7),
    "burst": Shape(0.9, nonces=True),
    "learned": Shape(0.7, browsers=True, retries=0.01),
    "demo": Shape(0.7, browsers=True, modern=0.8, story=True),
}


class Traffic:
    """Iterate once; `totals` is right from then on."""

    def __init__(
        self,
        shape: str,
        reports: int,
        seed: int = 1,
        sizes: tuple[int, int] = ARRAY_SIZES,
        rate: float | None = None,
    ) -> None:
        """`shape` is one of SHAPES, `reports` how many there are in all posts together, those sent again not counted.

        `sizes`: of the benchmark's arrays. `rate`: reports a second, by which `at_ms` goes; by default 10,000, or what
        takes 500 s, so that all are of one 10-minute window.
        """
        its = Making(SHAPES[shape], reports, seed, sizes, rate)
        self.totals = its.totals
        self._posts: Steady | Visits = Visits(its) if SHAPES[shape].browsers else Steady(its)

    def __iter__(self) -> Iterator[Post]:
        for post in self._posts:
            self.totals.add(post)
            yield post
