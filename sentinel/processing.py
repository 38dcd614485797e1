"""The processor put together: the log it reads, the store it writes, and what it says of its health."""

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from threading import Event, Lock

from clickhouse_connect.driver.exceptions import ClickHouseError

from log.broken import Broken
from log.group import GroupConsumer
from log.protocols import Consumer
from log.spool import SpoolConsumer
from processor.process import Processor
from processor.write import Writer
from schema.clickhouse import Engine
from schema.engine.merges import Merges
from schema.health import Health
from schema.inserts import InProcess, Inserts
from schema.server import Server
from schema.sites import Sites
from sentinel.in_force import InForce
from sentinel.settings import Settings
from sentinel.store_server import until_usable

logger = logging.getLogger("sentinel.processor")
DRAIN_SECONDS = 3.0  # for what is left in a spool when the program stops
_STOP_SECONDS = 4.0  # then, for what waits for a Kafka or a store that hangs
_GOODBYE_SECONDS = 2.0  # to tell the others of the group


class Processing:
    """One a process."""

    def __init__(
        self, settings: Settings, store: Engine | Server, health: Health, in_force: InForce | None = None
    ) -> None:
        """Raises BadSites, BadRules, OSError."""
        self._settings = settings
        self._store = store
        self._health = health
        self._in_force = in_force or InForce(settings)
        self._in_force.follow(self._follow)
        self._consumer: Consumer = (
            GroupConsumer(settings.log) if settings.log else spool_consumer(settings.data_dir, health)
        )
        self._processor: Processor | None = None
        self._writer: Writer | None = None
        health.wrong("log", "the log has not been read yet")
        self.lag = self._consumer.lag

    def _follow(self, sites: Sites) -> None:
        if self._processor is not None:
            self._processor.sites = sites

    def forget_known(self) -> None:
        """Policies and examples may be gone from the store: whatever comes next brings them again."""
        if self._writer is not None:
            self._writer.forget_known()

    def run(self, stop: Event) -> None:
        """Until `stop` is set; what is left in a spool is stored then, what is left in Kafka is for the others.

        Raises OtherVersion, NewerStore.
        """
        seconds = 0.0 if self._settings.log else DRAIN_SECONDS
        if not asyncio.run(self._run(stop, seconds)) and not self._settings.log:
            logger.warning("stopped before the log was empty; the rest is stored after the next start")

    def drain(self) -> bool:
        """Until the log is empty; False if the store refused an insert. Raises as `run`."""
        stop = Event()
        stop.set()
        return asyncio.run(self._run(stop, float("inf")))

    async def _run(self, stop: Event, seconds: float) -> bool:
        work = asyncio.create_task(self._process(stop, seconds))
        ends = float("inf")
        while not work.done():
            await asyncio.wait([work], timeout=0.2)
            if stop.is_set():
                ends = min(ends, time.monotonic() + seconds + _STOP_SECONDS)
            if time.monotonic() > ends:
                work.cancel()  # it left its intention, as a kill would: who is next repeats the batch
                await asyncio.wait([work])
                return False
        return work.result()

    async def _process(self, stop: Event, seconds: float) -> bool:
        client = await self._client(stop if seconds < float("inf") else Event())
        if client is None:
            return False
        if isinstance(self._store, Engine):
            inserting, merges = self._store.inserting, Merges(self._store.client(), self._store.moving)
        else:  # its readers don't wait for our batches: they would wait for as long as the server hangs
            inserting, merges = Lock(), None
        self._writer = Writer(client, inserting)
        self._processor = Processor(self._consumer, self._writer, client, self._in_force(), self._health, merges)
        try:
            return await self._processor.run(stop, seconds)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._consumer.close()
            if merges is not None:
                await asyncio.to_thread(merges.close)
            await client.close()

    async def _client(self, stop: Event) -> Inserts | None:
        """A server may not be there yet, nor its tables. None once `stop` is set."""
        if isinstance(self._store, Engine):
            return InProcess(self._store.client())
        while not stop.is_set():
            await until_usable(self._store, self._health, stop)
            with contextlib.suppress(ClickHouseError, OSError):  # gone again, between two questions
                return await self._store.async_client()
            await asyncio.sleep(1)
        return None


def spool_consumer(data_dir: Path, health: Health) -> SpoolConsumer:
    return SpoolConsumer(data_dir / "spool", data_dir / "processor" / "position.json", Broken(data_dir, health))
