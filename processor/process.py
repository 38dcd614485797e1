"""The pipeline, top to bottom: one batch from the log to the store, then the log may forget it."""

import asyncio
import logging
import random
import time
from collections import Counter
from threading import Event

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from log.protocols import Batch, Consumer
from processor.fold import Folded, fold
from processor.retries import Retries
from processor.write import Writer
from schema import metrics
from schema.sites import Site, Sites

logger = logging.getLogger("sentinel.processor")
_LONGEST_PAUSE = 30.0


class Processor:
    def __init__(self, consumer: Consumer, writer: Writer, sites: Sites) -> None:
        self.sites = sites
        self._consumer = consumer
        self._writer = writer
        self._retries = Retries()
        self._types: set[str] = set()

    async def run(self, stop: Event, drain_seconds: float) -> bool:
        """Until `stop` is set; then what is left in the log, for at most `drain_seconds`. True if nothing is left."""
        ends = None
        while True:
            if stop.is_set():
                ends = ends or time.monotonic() + drain_seconds
                if time.monotonic() > ends:
                    logger.warning("stopped before the log was empty; the rest is stored after the next start")
                    return False
            batch = await self._consumer.next()
            metrics.LAG_SECONDS.set(self._consumer.lag())
            if batch is not None:
                if not await self._store(batch, stop):
                    return False
            elif ends is not None:
                return True

    async def _store(self, batch: Batch, stop: Event) -> bool:
        """False when stopping kept it from being stored: its intention stays, and the next start repeats it."""
        decided = self._decide(batch)
        folded = fold(batch.deliveries, set(decided.retried), Sites(decided.sites), self._types)
        pause = 0.25
        while not self._tried(batch, folded):
            again_at = time.monotonic() + pause * random.uniform(0.5, 1)  # noqa: S311
            while time.monotonic() < again_at:
                if stop.is_set():
                    return False
                metrics.LAG_SECONDS.set(self._consumer.lag())
                await asyncio.sleep(0.1)
            pause = min(pause * 2, _LONGEST_PAUSE)
        _measure(batch, folded)
        return True

    def _decide(self, batch: Batch) -> "_Decided":
        """Everything that a repeat could decide otherwise, because time has passed or a file has changed."""
        if batch.decided is not None:
            return msgspec.msgpack.decode(batch.decided, type=_Decided)
        decided = _Decided(self._retries.find(batch.deliveries), self.sites.table)
        batch.decided = msgspec.msgpack.encode(decided)
        return decided

    def _tried(self, batch: Batch, folded: Folded) -> bool:
        """One try; all of it can be repeated, because the token makes repeats harmless."""
        started = time.monotonic()
        try:
            self._consumer.intend(batch)
            self._writer.insert(folded, batch.id)
            self._consumer.commit(batch)
        except (ClickHouseError, OSError) as error:
            metrics.INSERT_FAILURES.inc()
            logger.error(
                "a batch could not be stored and is tried again",
                extra={"error": type(error).__name__, "code": getattr(error, "code", None)},
            )
            logger.debug("the error", exc_info=error)  # its text may quote a report
            return False
        metrics.INSERT_SECONDS.observe(time.monotonic() - started)
        return True


class _Decided(msgspec.Struct, array_like=True):
    retried: list[int]  # indexes of deliveries that repeat an earlier one
    sites: dict[str, Site] | None  # the sites file as it was


def _measure(batch: Batch, folded: Folded) -> None:
    metrics.BATCHES.inc()
    outcomes: Counter[str] = Counter()
    for line, reports in folded.ledger.items():
        outcomes[line.outcome] += reports
    del outcomes["received"]  # the sum of the others
    for outcome, reports in outcomes.items():
        metrics.OUTCOMES.labels(outcome).inc(reports)
    oldest = min((delivery.received_ms for delivery in batch.deliveries), default=None)
    if oldest is not None:
        metrics.END_TO_END_SECONDS.observe(max(0.0, time.time() - oldest / 1000))
