"""Alerts at work: looks at what the store got, writes down what is new, and sends it; again and again.

All that may be asked again is found again and is the same: a kill at any moment loses nothing. What must happen once is
written down under a token before it happens (alerts/record.py).
"""

import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event as Flag
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from alerts import policies, rates
from alerts.asking import LIMITS
from alerts.events import Event
from alerts.lease import Lease, Term
from alerts.looking import Look
from alerts.outbox import Lost, Outbox
from alerts.record import Record
from alerts.routes import Routes
from alerts.sources import Sources
from schema import metrics
from schema.alerting import AlertingOf
from schema.clickhouse import Engine
from schema.health import Health
from schema.store import Store, TablesMissing, WrongCluster, first_line

logger = logging.getLogger("sentinel.alerts")
_EVERY_SECONDS = 1.0
_BUSY_SHARE = 2  # times what a look took is the pause after it, so that a flood leaves the store to others
_LONGEST_PAUSE = 3.0
_TICK = 0.3  # seconds, in which what is due is sent between two looks
# What is inserted gets its time some moments before it can be seen: mostly one, and now and then some.
_SLACK_MS, _LONG_SLACK_MS, _LONG_SECONDS = 2_000, 20_000, 5.0
_AGAIN_SECONDS = 30.0  # after a question that failed
_RATES_SECONDS, _SILENCE_SECONDS, _FELL_SILENT_SECONDS = 5.0, 60.0, 600.0
_LAST_SECONDS = 3.0  # for messages under way, when it stops
_DAY_MS = 86_400_000
_Finder = Callable[[Client], Iterable[list[Event]]]
_TROUBLES = (ClickHouseError, OSError, TablesMissing, WrongCluster)


class Options(NamedTuple):
    webhooks: tuple[str, ...]
    secret: str  # signs plain JSON webhooks
    console_url: str  # without a slash at its end
    retention_days: int


class Alerts:
    """One a process; any number of processes may share a store."""

    def __init__(
        self,
        store: Store,
        options: Options,
        alerting: Callable[[], AlertingOf],
        lag: Callable[[], float | None],
        health: Health,
        clock: Callable[[int], int] = lambda now: now,
    ) -> None:
        """`lag`: seconds the store is behind, None where unknown; `clock`: of the store's time (ms) that to send by."""
        self._store = store
        self._options = options
        self._alerting = alerting
        self._lag = lag
        self._health = health
        self._clock = clock
        self._routes = Routes(options.webhooks, options.secret, alerting)
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._client: Client | None = None
        self._lease = Lease(self._owner, alone=isinstance(store, Engine))
        self._record = Record()
        # It outlives a client: it knows what is under way.
        self._outbox = Outbox(self._record, self._lease, self._routes.channels, options.console_url, health)
        self._offset = time.time() * 1000 - time.monotonic() * 1000  # of the store's clock
        self._fresh = True  # what is in the store has to be read first
        self._looked = 0  # ms: up to where the newest rows were looked at
        self._next: dict[str, float] = {}  # when what is not asked each time is asked again
        self._unanswered: set[str] = set()  # what was asked about last in vain
        self._sources = Sources(self._reconnect)

    def run(self, stop: Flag) -> None:
        """Until `stop` is set; then messages under way are waited for, and another process may go on at once."""
        pause = 0.0
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.step()
                self._health.right("alerts")
                pause = min(_LONGEST_PAUSE, max(_EVERY_SECONDS, _BUSY_SHARE * (time.monotonic() - began)))
                self._send_until(time.monotonic() + pause, stop)
            except _TROUBLES as error:
                why = first_line(error)
                if self._health.wrong("alerts", f"alerts can't use the store: {why}"):
                    logger.error("alerts can't use the store: %s", why)
                pause = min(_LONGEST_PAUSE, pause * 2 + 0.5)
                stop.wait(pause)
        self._stop()

    def step(self) -> bool:
        """One look, and what is due is sent; whether it is this process that works. Raises what `_TROUBLES` are."""
        if self._client is None:
            self._connect()
        works = True  # where it turns out that another has worked meanwhile, it is this one again
        with self._kept_in_mind():
            works = self._work()
        return works or self._lease.left() > 0

    def _send_until(self, ends: float, stop: Flag) -> None:
        """What becomes due between two looks."""
        while not stop.wait(min(_TICK, max(0.0, ends - time.monotonic()))) and time.monotonic() < ends:
            if self._lease.left() > 0 and not self._fresh:
                with self._kept_in_mind():
                    self._outbox.step(self._now())

    @contextlib.contextmanager
    def _kept_in_mind(self) -> Iterator[None]:
        """What is remembered is as it is written down; where that may not be so, it is read again."""
        try:
            yield
        except Lost:
            self._fresh = True
        except BaseException:
            self._fresh = True  # what was written down before it failed is not known here
            self._give_up_client()
            raise

    def _work(self) -> bool:
        term = self._hold()
        if term is None:
            self._outbox.note_results(self._now())
            return False
        self._outbox.step(self._now())  # what is due is sent, whatever becomes of the questions
        with self._store.inserting:  # a batch of this process goes into several tables: what is asked now sees all
            began = self._stores_now()
        for what, ask in self._finders(term, began):
            for found in self._answers(what, ask):
                self._write_down(found)
                self._outbox.step(self._now())
                if self._hold() is None:
                    return False
        if not self._unanswered & {"sources", "policies"}:
            self._looked = began
        self._outbox.step(self._now())
        return True

    def _connect(self) -> Client:
        client = self._store.client(LIMITS)
        self._client = self._lease.client = self._record.client = self._sources.client = client
        return client

    def _reconnect(self) -> None:
        self._give_up_client()
        self._connect()

    def _hold(self) -> Term | None:
        """The term if it is ours; then with what was left by whoever had it before."""
        term, fresh = self._lease.hold(self._looked, self._outbox.made)
        if term is None:
            self._fresh = True
            return None
        self._offset = term.now - time.monotonic() * 1000
        if fresh or self._fresh:
            self._looked = term.looked
            self._outbox.load(term.messages, self._now())
            self._next.clear()
            self._fresh = False
        return term

    def _stores_now(self) -> int:
        """In ms: of what it got when."""
        return int(time.monotonic() * 1000 + self._offset)

    def _now(self) -> int:
        """Of what is sent when."""
        return self._clock(self._stores_now())

    def _finders(self, term: Term, now: int) -> Iterator[tuple[str, _Finder]]:
        """What there is to ask about now, by name."""
        kept_since = now - self._options.retention_days * _DAY_MS  # events are remembered a week longer
        since = self._looked - (_LONG_SLACK_MS if self._is_time("late", _LONG_SECONDS) else _SLACK_MS)
        at = Look(now, since, max(term.began, kept_since), term.awake, self._alerting())
        finders: dict[str, tuple[float, _Finder]] = {
            "fell silent": (_FELL_SILENT_SECONDS, lambda _: self._sources.fell_silent(at)),
            "sources": (0.0, lambda _: self._sources.look(at)),
            "policies": (0.0, lambda client: [policies.look(client, at)]),
            "rates": (_RATES_SECONDS, lambda client: [rates.spikes(client, at)]),
            "silence": (_SILENCE_SECONDS, lambda client: [rates.silences(client, at, self._lag())]),
        }
        for what, (every, ask) in finders.items():
            if self._is_time(what, every):
                yield what, ask

    def _answers(self, what: str, ask: _Finder) -> Iterator[list[Event]]:
        """Where a question fails the others are asked all the same, and this one again after a while."""
        try:
            yield from ask(self._client or self._connect())
        except _TROUBLES as error:
            why = first_line(error)
            self._unanswered.add(what)
            self._next[what] = time.monotonic() + _AGAIN_SECONDS
            if self._health.wrong(f"alerts about {what}", f"alerts can't ask about {what}: {why}", hinders=False):
                logger.error("alerts can't ask about %s: %s", what, why)
            self._reconnect()
        else:
            self._unanswered.discard(what)
            self._health.right(f"alerts about {what}")

    def _is_time(self, what: str, every: float) -> bool:
        if time.monotonic() < self._next.get(what, 0.0):
            return False
        self._next[what] = time.monotonic() + every
        return True

    def _write_down(self, found: list[Event]) -> None:
        if not found:
            return
        now = self._now()
        routed = [self._routes.route(event, now) for event in found]
        self._record.events(routed)
        for one in routed:
            self._outbox.add(one)
            metrics.ALERT_EVENTS.labels(one.event.kind).inc(bool(one.event.title))

    def _stop(self) -> None:
        if self._client is None:
            return
        try:
            self._outbox.finish(self._now(), _LAST_SECONDS)
            self._lease.release(self._looked, self._outbox.made)
        except _TROUBLES as error:
            logger.warning("alerts ended without saying so to the store: %s", first_line(error))
        self._give_up_client()

    def _give_up_client(self) -> None:
        """What a question that failed had already produced may still be in it (dashboards/clients.py)."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
