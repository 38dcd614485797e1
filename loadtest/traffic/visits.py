"""Traffic as browsers were captured to send it: who sends which format when, over which connection, and again.

Shares and sizes come from `learned.json`, the behaviour from rules 25 to 30 of docs/reports.md: Chromium sends an array
for each document, on a tick of 60 seconds in all tabs of a browser at once, after a preflight each, and again what
failed; Firefox asks once for a connection; WebKit has a connection for each report.
"""

from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from loadtest.traffic.browsers import Agent
from loadtest.traffic.groups import A_SCENE, Drawn, Group, Scene, groups, policy_of
from loadtest.traffic.learned import load
from loadtest.traffic.making import LONGEST_AGE_MS, Making, summed
from loadtest.traffic.others import other
from loadtest.traffic.posts import Post
from loadtest.traffic.spelling import ARRAY, Report, alone, firefox_item, item, legacy, listed, older
from loadtest.traffic.world import Page

TICK_MS = 60_000
_PHASES = 600  # browsers tick apart
_PHASE_MS = TICK_MS // _PHASES
# Assumed: the chance that one more tab has something to send, that a visitor is not seen again, and that an array which
# was sent again fails once more.
_ANOTHER_TAB, _LEAVES, _FAILS_AGAIN = 0.3, 1 / 3, 0.25
_LATE, _INTRUDED = 0.8, 0.5  # of a story: when the intruder comes, and the share of the arrays from then on
_FIREFOX_AGE_MS = 100


class _Visitor:
    __slots__ = ("agent", "asked", "number")

    def __init__(self, number: int, agent: Agent) -> None:
        self.number, self.agent = number, agent
        self.asked = False  # for the leave to send arrays


class _Again(NamedTuple):
    """An array that waits to be sent again."""

    at_ms: int
    number: int  # of the post that it was
    pause_ms: int
    post: Post


class Visits:
    """`at_ms` never goes back."""

    def __init__(self, its: Making) -> None:
        self._its, self._random = its, its.random
        learned = load()
        self._groups = groups(its, learned)
        self._weights = summed(_visits(group) for group in self._groups)
        self._document = Drawn(its, learned.document)
        self._visitors: dict[tuple[Group, int], _Visitor] = {}
        self._known: set[tuple[int, str]] = set()  # numbers of reports, and the browsers that sent them
        self._again: list[_Again] = []
        self._at = self._people = self._opens = 0

    def __iter__(self) -> Iterator[Post]:
        while self._its.left:
            now = max(self._at, self._its.now())
            while self._again and self._again[0].at_ms <= now:
                yield self._sent_again()
            yield from self._sent(self._its.one(self._groups, self._weights), now)
        while self._again:
            yield self._sent_again()

    def _sent(self, group: Group, now: int) -> Iterator[Post]:
        """By one visitor: Chromium's arrays on the tick of that browser, from each tab one."""
        place = self._random.randrange(_PHASES)
        if ticks := group.ticks:
            now += -now % _PHASE_MS
            place = now // _PHASE_MS % _PHASES
        self._at = now
        visitor = self._visitors.get((group, place))
        is_new = visitor is None or self._random.random() < _LEAVES
        if is_new or visitor is None:
            self._people += 1
            visitor = self._visitors[group, place] = _Visitor(self._people, group.agent())
        yield self._post(group, visitor, is_new=is_new)
        while ticks and self._its.left and self._random.random() < _ANOTHER_TAB:
            yield self._post(group, visitor, is_new=False)

    def _post(self, group: Group, visitor: _Visitor, *, is_new: bool) -> Post:
        scene, agent = self._scene(group), visitor.agent
        connects = is_new or group.engine == "webkit"
        nonce = f" 'nonce-{self._random.getrandbits(96):024x}'"
        page = self._opened(group, scene.page)
        if group.form != "array":
            report = self._report(group, scene, int(self._random.random() * A_SCENE), agent, page)
            body = (legacy if group.form == "legacy" else alone)(report, _policy(report, group, nonce))
            return Post(body, agent.content_type.encode(), agent, page.origin, 1, self._at,
                        new_connection=connects, visitor=visitor.number)  # fmt: skip
        items, ignored = self._items(group, scene, agent, page, nonce)
        preflight = group.engine != "firefox" or connects or not visitor.asked
        visitor.asked = True
        reports, body = len(items) - ignored.total(), listed(group.engine, items)
        post = Post(body, ARRAY, agent, page.origin, reports, self._at, ignored, preflight, connects, visitor.number)
        if group.engine == "chromium" and self._random.random() < self._its.shape.retries:
            heappush(self._again, _Again(self._at + TICK_MS, self._its.totals.posts, TICK_MS, post))
        return post

    def _scene(self, group: Group) -> Scene:
        late = self._its.shape.story and self._its.left < (1 - _LATE) * self._its.reports
        if late and group.ticks and self._random.random() < _INTRUDED:
            return group.intruded
        return group.scene()

    def _opened(self, group: Group, page: Page) -> Page:
        """With an address as long as captured ones, by a query."""
        more = self._document.one() - len(page.url) - 3
        query = f"{self._random.getrandbits(4 * more):0{more}x}" if more > 0 else ""
        if group.ticks:
            # Arrays that differ in nothing but their ages could be taken for one that was sent again. (A policy's nonce
            # would not be enough: other types of reports don't have the policy.)
            self._opens += 1
            query = f"{query[8:]}{self._opens:08x}"
        return page._replace(url=f"{page.url}?q={query}") if query else page

    def _items(
        self, group: Group, scene: Scene, agent: Agent, page: Page, nonce: str
    ) -> tuple[list[str], Counter[str]]:
        """What one document has to say, no violation twice; and how many of each other type are in it."""
        spell, oldest = (firefox_item, _FIREFOX_AGE_MS) if group.engine == "firefox" else (item, LONGEST_AGE_MS)
        items: list[str] = []
        ignored = Counter[str]()
        for place in range(group.size.one()):
            age = self._random.randrange(oldest)
            if self._random.random() < group.others:
                kind = group.type()
                ignored[kind] += 1
                items.append(other(kind, page.url, agent, age))
            elif len(items) - ignored.total() < self._its.left:
                report = self._report(group, scene, place, agent, page)
                items.append(spell(report, _policy(report, group, nonce), age))
        return items, ignored

    def _report(self, group: Group, scene: Scene, place: int, agent: Agent, page: Page) -> Report:
        """`place`: which of those that the scene gives again, if it gives one again."""
        totals = self._its.totals
        if self._its.repeats():
            report = scene.again(place)
            known = (report.number, agent.browser)
            totals.violations += known not in self._known
            self._known.add(known)
        else:
            report = group.fresh(scene.page)
            totals.violations += 1
        self._its.counted(report)
        return report._replace(agent=agent, page=page)

    def _sent_again(self) -> Post:
        """With older reports, and nothing else different."""
        again = heappop(self._again)
        self._at = max(self._at, again.at_ms)
        waited = self._at - again.post.at_ms
        if self._random.random() < _FAILS_AGAIN:
            pause = again.pause_ms * 2
            heappush(self._again, again._replace(at_ms=self._at + pause, pause_ms=pause))
        body = older(again.post.body, waited)
        return again.post._replace(body=body, at_ms=self._at, new_connection=False, retry_of=again.number)


def _visits(group: Group) -> float:
    """Its weight among visits, since some of them give more than one post."""
    return group.weight * (1 - _ANOTHER_TAB) if group.ticks else group.weight


def _policy(report: Report, group: Group, nonce: str) -> str:
    before, after, fixed = policy_of(report.page, report_only=report.disposition == "report")
    reporting = "report-uri https://reports.example/csp/report" if group.form == "legacy" else "report-to csp"
    return f"{before}{'' if fixed else nonce}{after} {reporting}"
