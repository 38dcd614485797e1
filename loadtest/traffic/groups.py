"""Those who send the same format from the same engine: their browsers, their pages, and what breaks there."""

from collections.abc import Iterable

from loadtest.traffic.browsers import ENGINES, Agent, agents
from loadtest.traffic.learned import Learned
from loadtest.traffic.making import KINDS, Making, summed
from loadtest.traffic.spelling import Report
from loadtest.traffic.world import BREACHES, CART, INTRUSION, VENDORS, Breach, Page, Policy, visited

A_SCENE = 3  # reports that a page gives again and again
_URL = ("https://", "wss://")


class Drawn:
    """Numbers, as often as they were counted."""

    def __init__(self, its: Making, counted: dict[str, int]) -> None:
        self._its = its
        self._numbers = [int(number) for number in counted] or [0]
        self._weights = summed(counted.values()) or [1]

    def one(self) -> int:
        return self._its.one(self._numbers, self._weights)


class Scene:
    """A page, and what breaks on it again and again: more of it as it is asked for."""

    def __init__(self, group: "Group", page: Page, breaches: Iterable[Breach] = ()) -> None:
        self.page = page
        self._group = group
        self._reports = [group.report(page, breach) for breach in breaches]

    def again(self, place: int) -> Report:
        while len(self._reports) <= place:
            self._reports.append(self._group.fresh(self.page))
        return self._reports[place]


class Group:
    """`form`: legacy, array or object. `weight`: its share of the posts. `others`: share of its arrays' entries."""

    def __init__(self, its: Making, learned: Learned, pages: list[Page], engine: str, form: str) -> None:
        self.its = its
        self.engine, self.form = engine, form
        self.ticks = engine == "chromium" and form == "array"
        self.weight = ENGINES[engine] * _share(its, learned, engine, form)
        self._agents = agents(engine, learned)
        self._agent_weights = summed(agent.weight for agent in self._agents)
        entries = learned.entries.get(engine, {})
        self.others = 1 - entries.get("csp-violation", 0) / max(1, sum(entries.values()))
        self._types = [kind for kind in entries if kind != "csp-violation"]
        self._type_weights = summed(entries[kind] for kind in self._types)
        self.size = Drawn(its, learned.sizes.get(engine, {"1": 1}))
        self._blocked, self._sample = Drawn(its, learned.blocked), Drawn(its, learned.sample)
        self._learned = learned
        fit = [breach for breach in BREACHES if _fits(breach, engine)]
        self._own = [breach for breach in fit if not breach.noise]
        self._noise = [breach for breach in fit if breach.noise] or self._own
        self._own_weights, self._noise_weights = _usual(self._own), _usual(self._noise)
        scenes = max(1, round(KINDS / A_SCENE * self.weight / sum(ENGINES.values())))
        self._scenes = [Scene(self, page) for page in its.random.sample(pages, scenes)]
        self._ranks = its.ranks(scenes)
        cart = next(page for page in pages if page.url == CART)
        self.intruded = Scene(self, cart, INTRUSION if form == "array" else ())

    def agent(self) -> Agent:
        return self.its.one(self._agents, self._agent_weights)

    def scene(self) -> Scene:
        return self.its.one(self._scenes, self._ranks)

    def type(self) -> str:
        """Of a report that is none of a violation."""
        return self.its.one(self._types, self._type_weights)

    def fresh(self, page: Page) -> Report:
        """Unlike all others by its place, or by a number in what was blocked."""
        noise = self.its.random.random() < self._learned.noise
        among, weights = (self._noise, self._noise_weights) if noise else (self._own, self._own_weights)
        while True:
            report_only = self.engine != "old" and self.its.random.random() < self._learned.report_only
            breach, policy = self.its.one(among, weights), policy_of(page, report_only=report_only)
            if breach.needs in policy.before + policy.after:
                return self.report(page, breach, report_only=report_only)

    def report(self, page: Page, breach: Breach, *, report_only: bool = False) -> Report:
        """Its `agent` is any: whoever sends it replaces that."""
        number, site = self.its.number(), page.origin.removeprefix("https://")
        host = VENDORS[int(self.its.random.random() ** 2 * len(VENDORS))]
        blocked = self._long(breach.blocked.format(host=host, site=site, number=number))
        directive = breach.directive.removesuffix("-elem") if self.engine == "old" else breach.directive
        source, line, column = "", 0, 0
        if breach.placed:
            source = breach.source or (f"{page.origin}/static/app.js" if number & 4 else page.url)
            line, column = 1 + number // 512, 1 + number % 512
        sample = breach.sample and breach.sample[: self._sample.one()]
        disposition = "report" if report_only else "enforce"
        return Report(
            self._agents[0], page, directive, blocked, source, line, column, sample, disposition, breach.noise, number
        )

    def _long(self, blocked: str) -> str:
        """As long as captured ones, by a query."""
        more = self._blocked.one() - len(blocked) - 3
        if more <= 0 or not blocked.startswith(_URL):
            return blocked
        return f"{blocked}?q={self.its.random.getrandbits(4 * more):0{more}x}"


def policy_of(page: Page, *, report_only: bool) -> Policy:
    return page.report_only if report_only and page.report_only else page.policy


def groups(its: Making, learned: Learned) -> list[Group]:
    """One for each format of each engine."""
    pages = list(visited(learned))
    return [Group(its, learned, pages, engine, form) for engine in ENGINES for form in _forms(learned, engine)]


def _forms(learned: Learned, engine: str) -> dict[str, int]:
    return learned.formats.get(engine, {"legacy": 1})


def _share(its: Making, learned: Learned, engine: str, form: str) -> float:
    """Of the engine's posts."""
    forms = _forms(learned, engine)
    all_modern = sum(number for name, number in forms.items() if name != "legacy")
    modern = its.shape.modern
    if modern is None or not all_modern:
        return forms[form] / sum(forms.values())
    return 1 - modern if form == "legacy" else modern * forms[form] / all_modern


def _fits(breach: Breach, engine: str) -> bool:
    """Old browsers don't tell the place, so a URL must make theirs different."""
    if engine == "old":
        return "{number}" in breach.blocked
    return engine in breach.engines


def _usual(breaches: list[Breach]) -> list[float]:
    return summed(breach.usual for breach in breaches)
