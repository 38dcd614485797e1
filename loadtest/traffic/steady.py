"""The benchmark's traffic: evenly in time, half of the reports alone and half in arrays, and hard on caches.

Recorded figures are comparable as long as its bytes stay: a test holds them.
"""

from collections.abc import Iterator

from loadtest.traffic.browsers import AGENTS, Agent
from loadtest.traffic.making import KINDS, LONGEST_AGE_MS, Making, summed
from loadtest.traffic.posts import Post
from loadtest.traffic.spelling import ARRAY, LEGACY, Report, array, legacy
from loadtest.traffic.world import BLOCKED_HOSTS, BREACHES, PAGES

_ARRAY_SHARE = 1 / 31  # of the posts: at a mean of 30 entries that is half of the reports
_AGENT_WEIGHTS = summed(agent.weight for agent in AGENTS)
_BREACH_WEIGHTS = summed(breach.weight for breach in BREACHES)


class Steady:
    def __init__(self, its: Making) -> None:
        self._its, self._random, self._one = its, its.random, its.one
        self._repeats, self._now, self._counted = its.repeats, its.now, its.counted  # a million times
        self._kinds = [self._fresh(self._one(AGENTS, _AGENT_WEIGHTS)) for _ in range(KINDS)]
        self._used: set[int] = set()
        self._ranks = its.ranks(KINDS)
        self._by_agent: dict[Agent, list[int]] = {}
        for number, kind in enumerate(self._kinds):
            self._by_agent.setdefault(kind.agent, []).append(number)
        # Browsers that have kinds to repeat, as often as they have.
        self._of_arrays = [kind.agent for kind in self._kinds if kind.agent.engine == "chromium"]

    def __iter__(self) -> Iterator[Post]:
        random, totals, reports = self._random.random, self._its.totals, self._its.reports
        while totals.reports < reports:
            yield self._array() if random() < _ARRAY_SHARE else self._alone()

    def _alone(self) -> Post:
        if self._repeats():
            report = self._repeat(self._one(range(KINDS), self._ranks))
        else:
            report = self._new(self._one(AGENTS, _AGENT_WEIGHTS))
        agent = report.agent
        body, connects = legacy(report, self._policy(report)), agent.engine == "webkit"
        return Post(body, LEGACY, agent, report.page.origin, 1, self._now(), new_connection=connects)

    def _array(self) -> Post:
        """Of one browser, from any of its tabs."""
        size = min(self._its.left, self._random.randint(*self._its.sizes))
        agent = self._random.choice(self._of_arrays)
        kinds = self._by_agent[agent]
        reports = [
            self._repeat(self._random.choice(kinds)) if self._repeats() else self._new(agent) for _ in range(size)
        ]
        aged = [(report, self._policy(report), self._random.randrange(LONGEST_AGE_MS)) for report in reports]
        return Post(array(aged), ARRAY, agent, reports[0].page.origin, size, self._now(), preflight=True)

    def _repeat(self, number: int) -> Report:
        if number not in self._used:
            self._used.add(number)
            self._its.totals.violations += 1
        report = self._kinds[number]
        self._counted(report)
        return report

    def _new(self, agent: Agent) -> Report:
        report = self._fresh(agent)
        self._its.totals.violations += 1
        self._counted(report)
        return report

    def _fresh(self, agent: Agent) -> Report:
        """Unlike all others by its place, or by a number in what was blocked."""
        random = self._random
        number = self._its.number()
        page = PAGES[int(random.random() * len(PAGES))]
        breach = self._one(BREACHES, _BREACH_WEIGHTS)
        host = f"cdn{int(random.random() * BLOCKED_HOSTS)}.vendor.example"
        blocked = breach.blocked.format(host=host, number=number)
        disposition = "report" if number & 3 == 0 else "enforce"
        if not breach.placed:
            return Report(agent, page, breach.directive, blocked, "", 0, 0, "", disposition, breach.noise, number)
        source = f"{page.origin}/static/app.js" if number & 4 else page.url
        place = (source, 1 + number // 512, 1 + number % 512)
        return Report(agent, page, breach.directive, blocked, *place, breach.sample, disposition, breach.noise, number)

    def _policy(self, report: Report) -> str:
        before, after, fixed = report.page.policy
        if fixed and not self._its.shape.nonces:
            return before + after
        return f"{before} 'nonce-{self._random.getrandbits(96):024x}'{after}"
