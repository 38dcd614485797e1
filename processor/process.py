"""The pipeline, top to bottom: one batch from the log to the store, then the log may forget it."""

import asyncio
import logging
import math
import random
import time
from collections import Counter
from threading import Event

from clickhouse_connect.driver.exceptions import ClickHouseError

from log.protocols import USUAL_ROOM, Batch, Consumer, LogAway, Lost, Room
from processor.decisions import Decisions
from processor.fold import fold
from processor.folded import Folded
from processor.garbage import Garbage
from processor.repeats import Repeats
from processor.troubles import Trouble, trouble_of
from processor.write import Writer
from schema import metrics
from schema.delivery import Kind
from schema.engine.merges import Merges
from schema.health import Health
from schema.inserts import Inserts
from schema.sites import Sites

logger = logging.getLogger("sentinel.processor")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
# After this long a consumer group may have given the batch to another: ask before going on.
_SURE_SECONDS = 4.0
# Where most reports repeat, more of them make a batch; where all differ, so many rows are about the usual one.
_ROWS = 48_000
_MOST = Room(96 * 1024 * 1024, 90_000)
_LATE_SECONDS = 60.0  # what Prometheus' rules promise: 99% are stored by then


class Processor:
    """One a process. `sites` may be exchanged while it runs."""

    def __init__(
        self,
        consumer: Consumer,
        writer: Writer,
        client: Inserts,
        sites: Sites,
        health: Health,
        merges: Merges | None = None,
    ) -> None:
        """`merges`: of a store in this process."""
        self.sites = sites
        self._consumer = consumer
        self._writer = writer
        self._decisions = Decisions(client)
        self._health = health
        self._merges = merges
        self._types: set[str] = set()
        self._repeats = Repeats()
        self._garbage = Garbage()
        self._intended_at = 0.0
        self._room = USUAL_ROOM

    async def run(self, stop: Event, drain_seconds: float) -> bool:
        """Until `stop` is set; then what is left in the log, for at most `drain_seconds`. True if nothing is left.

        Raises OtherVersion for what only a newer version of this program can read.
        """
        ends = None
        pause = _FIRST_PAUSE
        draining = drain_seconds == float("inf")  # then `stop` is no reason to hurry
        while True:
            if stop.is_set():
                ends = ends or time.monotonic() + drain_seconds
                if time.monotonic() > ends:
                    return False
            try:
                batch = await self._consumer.next(self._room)
                self._health.right("log")
                metrics.LOG_AWAY.set(0)
                pause = _FIRST_PAUSE
                self._measure_lag()
                if batch is not None:
                    if not await self._store(batch, stop):
                        return False
                    batch = None  # so that it isn't there beside the next
                    self._garbage.collect()
                else:
                    await self._tell_merges(0)
                    if ends is not None and await self._consumer.empty():
                        return True
            except LogAway as away:
                self._tell("log", str(away))
                await self._rest(pause, Event() if draining else stop)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _tell(self, name: str, sentence: str) -> None:
        """Into the log once, and to whoever asks for as long as it lasts."""
        if name == "log":
            metrics.LOG_AWAY.set(1)
        if self._health.wrong(name, sentence):
            logger.error("%s", sentence)

    async def _rest(self, seconds: float, stop: Event) -> None:
        """With jitter, so that many processors don't come back as one; not long once `stop` is set."""
        await self._tell_merges(0)
        again_at = time.monotonic() + seconds * random.uniform(0.5, 1)  # noqa: S311  (no secret)
        while (left := again_at - time.monotonic()) > 0:
            self._measure_lag()
            await asyncio.sleep(min(left, 0.1))
            if stop.is_set():
                await asyncio.sleep(min(left, 0.5))
                return

    async def _tell_merges(self, behind: float) -> None:
        """0 while nothing is inserted: that is time to merge, and what is wrong with the store may need it."""
        if self._merges is not None:
            await asyncio.to_thread(self._merges.follow, behind)

    def _measure_lag(self) -> None:
        lag = self._consumer.lag()
        metrics.LAG_SECONDS.set(math.nan if lag is None else lag)
        metrics.LAG_REPORTS.set(self._consumer.behind())

    async def _store(self, batch: Batch, stop: Event) -> bool:
        """False when stopping kept it from being stored: its intention stays, and whoever is next repeats it."""
        pause = _FIRST_PAUSE
        trouble: Trouble | None = None
        folded: Folded | None = None
        while True:
            started = time.monotonic()
            try:
                folded = folded or await self._folded(batch)
                await self._insert(batch, folded, spare=trouble is not None and trouble.name == "memory")
                break
            except Lost:
                logger.info("a batch went to another processor, with its partition")
                self._health.right("store")  # it is that one's trouble now
                return True
            except LogAway as away:
                self._tell("log", str(away))
            except (ClickHouseError, OSError, TimeoutError) as error:
                trouble = trouble_of(error)
                self._on_failure(trouble, error)
                self._garbage.collect()  # of the insert that failed: an outage may last for hours
            if stop.is_set():
                return False
            await self._rest(max(pause, trouble.pause if trouble else 0), stop)
            pause = min(pause * 2, _LONGEST_PAUSE)
        self._health.right("store")
        self._health.right("log")
        metrics.INSERT_SECONDS.observe(time.monotonic() - started)
        _measure(batch, folded, self.sites)
        self._room = _room(batch, folded, self._room)
        await self._tell_merges(self._consumer.behind())
        return True

    async def _folded(self, batch: Batch) -> Folded:
        """In a thread: the group hears of us meanwhile."""
        decided = await self._decisions.about(batch, self.sites)
        return await asyncio.to_thread(
            fold, batch.deliveries, decided.retried, decided.sites, self._types, self._repeats
        )

    async def _insert(self, batch: Batch, folded: Folded, *, spare: bool) -> None:
        """All of it can be repeated, because the token makes repeats harmless."""
        await self._intend(batch)

        async def still_ours() -> None:
            if time.monotonic() - self._intended_at > _SURE_SECONDS:
                await self._intend(batch)

        await self._writer.insert(folded, batch.id, still_ours, spare=spare)
        await self._consumer.commit(batch)

    async def _intend(self, batch: Batch) -> None:
        asked_at = time.monotonic()
        await self._consumer.intend(batch)
        self._intended_at = asked_at

    def _on_failure(self, trouble: Trouble, error: Exception) -> None:
        metrics.INSERT_FAILURES.labels(trouble.name).inc()
        code = getattr(error, "code", None)
        self._tell("store", f"{trouble.advice} ({type(error).__name__}{f', code {code}' if code else ''})")
        logger.debug("the error", exc_info=error)  # its text may quote a report


def _room(batch: Batch, folded: Folded, before: Room) -> Room:
    """So that a batch like this one makes about _ROWS rows; one that isn't half full says nothing of the next."""
    size = sum(len(its.body) for its in batch.deliveries)
    reports = sum(its.entries for its in batch.deliveries)
    if size < before.bytes // 2 and reports < before.reports // 2:
        return USUAL_ROOM
    rows = max(1, len(folded.rows))
    usual, most = USUAL_ROOM, _MOST
    return Room(
        min(max(usual.bytes, size * _ROWS // rows), most.bytes),
        min(max(usual.reports, reports * _ROWS // rows), most.reports),
    )


def _measure(batch: Batch, folded: Folded, sites: Sites) -> None:
    metrics.BATCHES.inc()
    outcomes: Counter[str] = Counter()
    by_site: Counter[str] = Counter()
    for line, reports in folded.ledger.items():
        if line.outcome == "received":  # the sum of the others
            by_site[line.site if sites.table is not None and line.site in sites.table else ""] += reports
        else:
            outcomes[line.outcome] += reports
    for outcome, reports in outcomes.items():
        metrics.OUTCOMES.labels(outcome).inc(reports)
    for site, reports in by_site.items():
        metrics.SITE_REPORTS.labels(site).inc(reports)
    now = time.time()
    oldest = min((delivery.received_ms for delivery in batch.deliveries), default=None)
    if oldest is not None:
        metrics.END_TO_END_SECONDS.observe(max(0.0, now - oldest / 1000))
        metrics.LATE.inc(_late(batch, (now - _LATE_SECONDS) * 1000, oldest))


def _late(batch: Batch, due_ms: float, oldest_ms: int) -> int:
    """Reports received before `due_ms`. What was exported is counted when it is imported, and never on time."""
    if oldest_ms >= due_ms:
        return 0
    return sum(its.count for its in batch.deliveries if its.received_ms < due_ms and its.kind != Kind.VIOLATION)
