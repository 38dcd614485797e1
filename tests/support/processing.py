"""A processor over a real store and a log that does as it is told."""

import asyncio
from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from typing import Any

from log.protocols import USUAL_ROOM, Batch, Consumer, Room
from processor.process import Processor
from processor.write import Writer
from schema.delivery import Delivery, Kind
from schema.engine.merges import Merges
from schema.health import Health
from schema.server import Server
from schema.sites import Sites
from schema.tables import init
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.places import clickhouse as place_of
from tests.support.reports import RECEIVED_MS

REPORTS = "SELECT sum(reports) FROM violations"


def batch(name: str, *pages: int) -> Batch:
    return Batch(name, [delivery(page) for page in pages])


def delivery(page: int) -> Delivery:
    """One report, unlike that of any other page."""
    body = b'{"csp-report":{"document-uri":"https://shop.example/%d","blocked-uri":"data"}}' % page
    return Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, b"agent", body)


class Log:
    """A log of these batches. An exception among `batches`, or for a call, is raised instead, once."""

    def __init__(self, *batches: Batch | Exception, **raising: list[Exception | None]) -> None:
        self._batches = deque(batches)
        self._raising = raising
        self.calls: list[str] = []
        self.rooms: list[Room] = []  # asked for

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self._raising.get(name) and (failure := self._raising[name].pop(0)):
            raise failure

    async def next(self, room: Room = USUAL_ROOM) -> Batch | None:
        self.rooms.append(room)
        await asyncio.sleep(0)
        found = self._batches.popleft() if self._batches else None
        if isinstance(found, Exception):
            raise found
        return found

    async def intend(self, batch: Batch) -> None:
        assert batch.decided is not None
        self._call("intend")

    async def commit(self, batch: Batch) -> None:
        self._call("commit")

    async def empty(self) -> bool:
        return not self._batches

    def lag(self) -> float:
        return 0.0

    def behind(self) -> float:
        return 0.0

    async def close(self) -> None:
        pass


class Running:
    """A processor over a server with a database of its own."""

    def __init__(self, server: ClickHouseServer) -> None:
        self.server = server
        self.store = Server(place_of(server.url))
        self.health = Health()
        self.stop = Event()
        self.merges: Merges | None = None
        self.settings: list[dict[str, Any]] = []  # of the inserts
        init(self.store, 90)

    async def run(self, log: Consumer, drain_seconds: float) -> bool:
        """A processor, started and stopped."""
        client = await self.store.async_client()
        insert = client.insert

        async def noted(*what: Any, settings: dict[str, Any] | None = None, **how: Any) -> Any:
            self.settings.append(settings or {})
            return await insert(*what, settings=settings, **how)

        client.insert = noted
        processor = Processor(log, Writer(client, Lock()), client, Sites(), self.health, self.merges)
        try:
            return await processor.run(self.stop, drain_seconds)
        finally:
            await client.close()

    def drained(self, log: Log) -> bool:
        """Whether all of it was stored without anything that was wrong."""
        self.stop.set()
        return asyncio.run(self.run(log, 60))

    def watched(self, log: Log, until: Callable[[], object]) -> bool:
        """Stopped once `until` is true; what `run` says then."""

        async def watch() -> bool:
            running = asyncio.create_task(self.run(log, 0))
            async with asyncio.timeout(30):
                while not until() and not running.done():  # noqa: ASYNC110  # nothing tells
                    await asyncio.sleep(0.01)
            self.stop.set()
            return await running

        return asyncio.run(watch())

    def one(self, query: str = REPORTS) -> Any:
        with self.server.client() as client:
            return client.query(query).result_rows[0][0]
