"""What the making of all traffic shares: dice, time, and the count of what was made."""

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeVar

from loadtest.traffic.posts import Totals
from loadtest.traffic.spelling import Report

KINDS = 300  # that repeats repeat
ARRAY_SIZES = (10, 50)
LONGEST_AGE_MS = 60_000  # Chromium sends once a minute
NUMBERS = 1 << 24  # different violations there can be
_RATE = 10_000  # reports a second
_LONGEST_SECONDS = 500  # so that they all are of one 10-minute window
_T = TypeVar("_T")


class Shape(NamedTuple):
    """`repeats`: share of the reports, the capacity model's word for it. What repeats falls as 1/rank**zipf: captures
    of test pages, each opened once, can't tell; requests on the Web were measured to fall so, with exponents of 0.6 to
    1, and 1 is that of the benchmark's recorded figures.
    """

    repeats: float
    nonces: bool = False  # in all policies, not only in those that are not fixed
    zipf: float = 1.0
    browsers: bool = False  # as browsers were captured; else as the benchmark wants it
    retries: float = 0.0  # share of Chromium's arrays that it believes to have failed, and sends again
    modern: float | None = None  # share of the posts that are of the Reporting API; as captured where it is None
    story: bool = False


class Making:
    """`left`: reports still to be made."""

    def __init__(self, shape: Shape, reports: int, seed: int, sizes: tuple[int, int], rate: float | None) -> None:
        self.totals = Totals()
        self.shape = shape
        self.sizes = sizes
        self.reports = reports
        self.random = Random(seed)  # noqa: S311  (no secret)
        self._rate = rate or max(_RATE, reports / _LONGEST_SECONDS)
        self._next = 0

    @property
    def left(self) -> int:
        return self.reports - self.totals.reports

    def now(self) -> int:
        """In ms; never so early that the oldest report would be from before the beginning."""
        return LONGEST_AGE_MS + int(self.totals.reports * 1000 / self._rate)

    def repeats(self) -> bool:
        return self.random.random() < self.shape.repeats

    def number(self) -> int:
        """Each comes once; scattered, as real ones are."""
        self._next += 1
        return (self._next - 1) * 0x9E3779B1 % NUMBERS  # odd, so it meets them all

    def ranks(self, number: int) -> list[float]:
        return summed(1 / (rank + 1) ** self.shape.zipf for rank in range(number))

    def one(self, among: Sequence[_T], weights: Sequence[float]) -> _T:
        """`weights` are summed up: the last is the sum of all."""
        return among[bisect(weights, self.random.random() * weights[-1], hi=len(among) - 1)]

    def counted(self, report: Report) -> None:
        """One report was made."""
        self.totals.by_directive[report.directive] += 1
        if report.noise:
            self.totals.noise[report.noise] += 1


def summed(weights: Iterable[float]) -> list[float]:
    return list(accumulate(weights))
