"""One run as Locust's master sees it, or the only process: its site, what workers sent, how it went, and its end."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.event import Event
from locust.env import Environment

from loadtest.load import reports, results
from loadtest.load.account import Account, added
from loadtest.load.books import Books, Console, NoConsole, settled
from loadtest.load.limits import Limits, Look
from loadtest.load.profiles import Profile
from loadtest.load.verdict import Requests, judge, notes
from loadtest.load.wire import TIMEOUT_SECONDS

_DRAIN_SECONDS = 2 * TIMEOUT_SECONDS + 10  # until workers have their last answers and have said so
_SAY_SECONDS = 5


def label() -> str:
    """A site of its own, so that nothing else in the store is counted with it."""
    return f"load-{time.strftime('%m%d-%H%M%S')}-{secrets.token_hex(3)}"


class Run:
    """`accounts` by worker; `looked` is called once a second, `finish` at the end, however that comes."""

    def __init__(self, environment: Environment, profile: Profile, scale: float, site: str, workers: set[str]) -> None:
        self.site = site
        self.profile = profile
        self.scale = scale
        self.accounts: dict[str, Account] = {}
        self.drained: set[str] = set()
        self._workers = workers
        self._environment = environment
        self._limits = Limits(profile)
        self._said = 0.0
        self._finishing = False
        self._hurried = False
        self._done = Event()

    @property
    def sent(self) -> Account:
        return added(self.accounts.values())

    def looked(self, users: int, at: float) -> bool:
        """Whether that is enough: the limit that the profile seeks has been found."""
        total = self._environment.stats.total
        rate, failing = total.current_rps, total.current_fail_per_sec
        p95, p99 = (total.get_current_response_time_percentile(share) or 0 for share in (0.95, 0.99))
        look = Look(at, users * self.scale, rate, failing, p95, p99)
        if at >= self._said + _SAY_SECONDS and not self._finishing:
            self._said = at
            self.say(
                f"{at:.0f} of {self.profile.seconds:.0f} s: {look.asked:,.0f} posts/s asked, {rate:,.0f} requests/s "
                f"answered, {total.num_failures:,} failed; p95 {p95:,.0f} ms; {self.sent.answered.reports:,} reports"
            )
        return self._limits.look(look)

    def say(self, text: str) -> None:
        results.say(f"{self.profile.name}: {text}")

    def finish(self, drain: Callable[[], None], console: Console, folder: Path) -> bool | None:
        """Waits for answers and for the store, judges, writes. None where another call is at it, and is hurried."""
        if self._finishing:
            self._hurried = True
            self._done.wait(TIMEOUT_SECONDS)
            return None
        self._finishing = True
        ended = time.time()
        drain()
        self._wait(lambda: self.drained >= self._workers | self.accounts.keys(), _DRAIN_SECONDS)
        books = self._books(console)
        holds = self._judge(books, ended, folder)
        self._done.set()
        return holds

    def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not (done() or self._hurried or time.monotonic() > ends):
            self._pause(0.1)

    def _pause(self, seconds: float) -> None:
        try:
            gevent.sleep(seconds)
        except KeyboardInterrupt:
            self._hurried = True

    def _books(self, console: Console) -> Books | str:
        try:
            return settled(console, self.site, self.sent, self.say, self._pause, lambda: self._hurried)
        except NoConsole as error:
            return str(error)
        except KeyboardInterrupt:
            return "Ctrl-C came while the console was asked"

    def _judge(self, books: Books | str, ended: float, folder: Path) -> bool:
        stats, sent = self._environment.stats, self.sent
        total = stats.total
        requests = Requests(
            total.num_requests,
            total.num_failures,
            total.get_response_time_percentile(0.95),
            total.get_response_time_percentile(0.99),
        )
        lost = len((self._workers | self.accounts.keys()) - self.drained)
        seconds = ended - (stats.start_time or ended)
        found = results.Result(
            self.profile,
            self.scale,
            self._environment.host or "",
            seconds,
            requests,
            sent,
            books,
            self._limits.found,
            judge(self.profile, requests, sent, books, lost, self._limits.found),
            notes(sent, self.profile, seconds),
            self._limits.looks,
        )
        reports.write(self._environment, found.looks, folder)
        results.show(found, folder)
        return found.holds
