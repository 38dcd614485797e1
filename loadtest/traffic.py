"""Posts as browsers send them, from a seed, with totals that can be checked exactly. Pure.

`different`: no two reports are the same violation. `typical`: 70% repeat one of 300 kinds, whose frequencies fall as
1/rank. `burst`: 90% do, and every policy has a nonce of its own. Half of the reports come alone, as `report-uri` sends
them, half in arrays of the Reporting API.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeVar

from loadtest.spelling import ARRAY, LEGACY, array, legacy
from loadtest.world import AGENTS, BLOCKED_HOSTS, BREACHES, PAGES, Agent, Page

KINDS = 300  # that repeats repeat
ARRAY_SIZES = (10, 50)
_ARRAY_SHARE = 1 / 31  # of the posts: at a mean of 30 entries that is half of the reports
_NUMBERS = 1 << 24  # different violations there can be
_LONGEST_AGE_MS = 60_000  # Chromium sends once a minute
_T = TypeVar("_T")
_RATE = 10_000  # reports a second
_LONGEST_SECONDS = 500  # so that they all are of one 10-minute window


class Shape(NamedTuple):
    repeats: float  # share of the reports
    nonces: bool  # in all policies, not only in those that are not fixed


SHAPES = {"different": Shape(0, False), "typical": Shape(0.7, False), "burst": Shape(0.9, True)}


class Report(NamedTuple):
    """What is the same in its repeats. Without a place, `source` is empty and `line` and `column` are 0."""

    agent: Agent
    page: Page
    directive: str
    blocked: str
    source: str
    line: int
    column: int
    sample: str
    disposition: str


class Post(NamedTuple):
    """`at_ms`: when it comes, after the beginning; at least as late as its oldest report is old."""

    body: bytes
    content_type: bytes
    agent: Agent
    origin: str
    reports: int
    at_ms: int


@dataclass
class Totals:
    """What a store must hold after all posts, and nothing else."""

    posts: int = 0
    reports: int = 0
    violations: int = 0  # different fingerprints
    by_directive: Counter[str] = field(default_factory=Counter)  # reports


class Traffic:
    """Iterate once; `totals` is right from then on."""

    def __init__(self, shape: str, reports: int, seed: int = 1, sizes: tuple[int, int] = ARRAY_SIZES) -> None:
        """`shape` is one of SHAPES, `reports` how many there are in all posts together, `sizes` those of arrays."""
        self.totals = Totals()
        self._shape = SHAPES[shape]
        self._left = reports
        self._sizes = sizes
        self._rate = max(_RATE, reports / _LONGEST_SECONDS)
        self._random = Random(seed)  # noqa: S311  (no secret)
        self._next = 0
        self._kinds = [self._fresh(self._one(AGENTS, _AGENT_WEIGHTS)) for _ in range(KINDS)]
        self._used: set[int] = set()
        self._ranks = list(accumulate(1 / (rank + 1) for rank in range(KINDS)))
        self._by_agent: dict[Agent, list[int]] = {}
        for number, kind in enumerate(self._kinds):
            self._by_agent.setdefault(kind.agent, []).append(number)
        # Browsers that have kinds to repeat, as often as they have.
        self._of_arrays = [kind.agent for kind in self._kinds if kind.agent.engine == "chromium"]

    def __iter__(self) -> Iterator[Post]:
        while self._left:
            post = self._array() if self._random.random() < _ARRAY_SHARE else self._alone()
            self._left -= post.reports
            self.totals.posts += 1
            self.totals.reports += post.reports
            yield post

    def _alone(self) -> Post:
        if self._repeats():
            report = self._repeat(self._one(range(KINDS), self._ranks))
        else:
            report = self._new(self._one(AGENTS, _AGENT_WEIGHTS))
        body = legacy(report, self._policy(report))
        return Post(body, LEGACY, report.agent, report.page.origin, 1, self._now())

    def _array(self) -> Post:
        """Of one browser, from any of its tabs."""
        size = min(self._left, self._random.randint(*self._sizes))
        agent = self._random.choice(self._of_arrays)
        kinds = self._by_agent[agent]
        reports = [
            self._repeat(self._random.choice(kinds)) if self._repeats() else self._new(agent) for _ in range(size)
        ]
        aged = [(report, self._policy(report), self._random.randrange(_LONGEST_AGE_MS)) for report in reports]
        return Post(array(aged), ARRAY, agent, reports[0].page.origin, size, self._now())

    def _now(self) -> int:
        return _LONGEST_AGE_MS + int(self.totals.reports * 1000 / self._rate)

    def _repeats(self) -> bool:
        return self._random.random() < self._shape.repeats

    def _repeat(self, number: int) -> Report:
        if number not in self._used:
            self._used.add(number)
            self.totals.violations += 1
        report = self._kinds[number]
        self.totals.by_directive[report.directive] += 1
        return report

    def _new(self, agent: Agent) -> Report:
        report = self._fresh(agent)
        self.totals.violations += 1
        self.totals.by_directive[report.directive] += 1
        return report

    def _fresh(self, agent: Agent) -> Report:
        """Unlike all others by its place, or by a number in what was blocked."""
        random = self._random
        number = self._next * 0x9E3779B1 % _NUMBERS  # odd, so each comes once; scattered, as real ones are
        self._next += 1
        page = PAGES[int(random.random() * len(PAGES))]
        breach = self._one(BREACHES, _BREACH_WEIGHTS)
        host = f"cdn{int(random.random() * BLOCKED_HOSTS)}.vendor.example"
        blocked = breach.blocked.format(host=host, number=number)
        disposition = "report" if number & 3 == 0 else "enforce"
        if not breach.placed:
            return Report(agent, page, breach.directive, blocked, "", 0, 0, "", disposition)
        source = f"{page.origin}/static/app.js" if number & 4 else page.url
        line, column = 1 + number // 512, 1 + number % 512
        return Report(agent, page, breach.directive, blocked, source, line, column, breach.sample, disposition)

    def _policy(self, report: Report) -> str:
        before, after, fixed = report.page.policy
        if fixed and not self._shape.nonces:
            return before + after
        return f"{before} 'nonce-{self._random.getrandbits(96):024x}'{after}"

    def _one(self, among: Sequence[_T], weights: Sequence[float]) -> _T:
        """`weights` are summed up: the last is the sum of all."""
        return among[bisect(weights, self._random.random() * weights[-1], hi=len(among) - 1)]


_AGENT_WEIGHTS = list(accumulate(agent.weight for agent in AGENTS))
_BREACH_WEIGHTS = list(accumulate(breach.weight for breach in BREACHES))
