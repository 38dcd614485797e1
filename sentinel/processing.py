"""The processor put together: the log it reads, the store it writes, and what it says of its health."""

import asyncio
import gc
import logging
import random
from pathlib import Path
from threading import Event

from clickhouse_connect.driver.exceptions import ClickHouseError

from log.group import GroupConsumer
from log.protocols import Consumer
from log.spool import SpoolConsumer
from processor.process import Processor
from processor.troubles import trouble_of
from processor.write import Writer
from schema.clickhouse import Engine
from schema.health import Health
from schema.inserts import InProcess, Inserts
from schema.server import Server
from schema.sites import BadSites, load_sites
from schema.store import TablesMissing
from schema.tables import check
from sentinel.settings import Settings

logger = logging.getLogger("sentinel.processor")
DRAIN_SECONDS = 3.0  # for what is left in a spool when the program stops
_LONGEST_PAUSE = 15.0


class Processing:
    """One a process."""

    def __init__(self, settings: Settings, store: Engine | Server, health: Health) -> None:
        """Raises BadSites, BadPosition, OSError."""
        self._settings = settings
        self._store = store
        self._health = health
        self._sites = load_sites(settings.sites)
        self._consumer: Consumer = GroupConsumer(settings.log) if settings.log else spool_consumer(settings.data_dir)
        self._processor: Processor | None = None
        health.wrong("log", "the log has not been read yet")
        if isinstance(store, Server):
            health.wrong("store", "the store has not been asked yet")
        self.lag = self._consumer.lag

    def reload(self) -> None:
        """Read the sites file again."""
        try:
            self._sites = load_sites(self._settings.sites)
        except BadSites as error:
            logger.error("the sites file was not reloaded: %s", error)
            return
        if self._processor is not None:
            self._processor.sites = self._sites

    def run(self, stop: Event) -> None:
        """Until `stop` is set; what is left in a spool is stored then, what is left in Kafka is for the others.

        Raises OtherVersion, NewerStore.
        """
        _collect_garbage_rarely()
        seconds = 0.0 if self._settings.log else DRAIN_SECONDS
        if not asyncio.run(self._run(stop, seconds)) and not self._settings.log:
            logger.warning("stopped before the log was empty; the rest is stored after the next start")

    def drain(self) -> bool:
        """Until the log is empty; False if the store refused an insert. Raises as `run`."""
        _collect_garbage_rarely()
        stop = Event()
        stop.set()
        return asyncio.run(self._run(stop, float("inf")))

    async def _run(self, stop: Event, seconds: float) -> bool:
        client = await self._client(stop if seconds < float("inf") else Event())
        if client is None:
            return False
        writer = Writer(client, self._store.inserting)
        self._processor = Processor(self._consumer, writer, client, self._sites, self._health)
        try:
            return await self._processor.run(stop, seconds)
        finally:
            await self._consumer.close()
            await client.close()

    async def _client(self, stop: Event) -> Inserts | None:
        """A server may not be there yet, nor its tables: that is said, and tried again. None once `stop` is set."""
        if isinstance(self._store, Engine):
            return InProcess(self._store.client())
        pause = 0.25
        while not stop.is_set():
            try:
                await asyncio.to_thread(check, self._store)
                client: Inserts = await self._store.async_client()
            except TablesMissing as error:
                trouble = str(error)
            except (ClickHouseError, OSError, TimeoutError) as error:
                code = getattr(error, "code", None)
                trouble = f"{trouble_of(error).advice} ({type(error).__name__}{f', code {code}' if code else ''})"
            else:
                self._health.right("store")
                return client
            if self._health.wrong("store", trouble):
                logger.error("%s", trouble)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None


def spool_consumer(data_dir: Path) -> SpoolConsumer:
    return SpoolConsumer(data_dir / "spool", data_dir / "processor" / "position.json")


def _collect_garbage_rarely() -> None:
    """A batch makes many objects and no cycles: with the default thresholds a third of its time goes into looking."""
    gc.set_threshold(100_000, 50, 100)
