"""How the processor reaches the store: the same two calls, to a server or to ClickHouse in this process."""

import asyncio
import errno
import logging
import shutil
import time
from collections.abc import Sequence
from typing import Any, Protocol

from clickhouse_connect.driver.client import Client

from schema.engine import parts
from schema.engine.parts import Part
from schema.engine.replacing import has_sources

logger = logging.getLogger("sentinel.broken")
_LITTLE_ROOM = 256 * 1024 * 1024  # bytes: more than others write while one insert goes in


class Inserts(Protocol):
    """clickhouse-connect's async client, as far as it is used. Calls raise ClickHouseError."""

    async def insert(
        self,
        table: str,
        data: Sequence[Sequence[Any]],
        *,
        column_names: Sequence[str],
        column_oriented: bool,
        settings: dict[str, Any] | None = None,
    ) -> Any: ...

    async def query(self, query: str, *, parameters: dict[str, Any] | None = None) -> Any: ...

    async def close(self) -> None: ...


# What the processor inserts into, and what follows by views.
_TABLES = (
    "policies", "examples", "rejects", "violations", "weeks", "minutes", "hours", "days", "sources", "site_policies",
    "ledger", "ledger_hours",
)  # fmt: skip


class InProcess:
    """chDB has no async client: its calls wait in a thread.

    What a full disk breaks of an insert ClickHouse takes for inserted (schema/engine/replacing.py). So where one failed
    or there was little room, its parts are read: a broken one is taken out, and the insert's repeat makes it again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        [[self._folder]] = client.query("SELECT path FROM system.disks WHERE name = 'default'").result_rows
        # When the first insert began whose parts may be broken: set before it goes in, None once all are known whole.
        self._unsure_since: int | None = None

    async def insert(self, table: str, data: Sequence[Sequence[Any]], **how: Any) -> None:
        """Raises OSError too, where the disk was full."""
        await asyncio.to_thread(self._insert, table, data, **how)

    def _insert(self, table: str, data: Sequence[Sequence[Any]], **how: Any) -> None:
        self._take_broken_out()  # of a try that failed
        had_room = self._has_room()
        self._unsure_since = int(time.time())
        self._client.insert(table, data, **how)
        if had_room and self._has_room():
            self._unsure_since = None
        elif self._take_broken_out():
            raise OSError(errno.ENOSPC, "the store's disk was full while it inserted")

    def _take_broken_out(self) -> bool:
        """Whether there was any."""
        found = list[Part]()
        if self._unsure_since is not None:
            found = [part for part in parts.broken(self._client, self._unsure_since, one_insert=True)
                     if part.table in _TABLES and not has_sources(self._client, part)]  # fmt: skip
        for part in found:
            parts.take_out(self._client, part)
            logger.warning("a part of an insert is damaged, as by a full disk: its repeat makes it again", extra={
                "table": part.table, "part": part.name, "why": part.why[:200]})  # fmt: skip
        for part in found:
            parts.delete_aside(self._client, part.table, part.name)
        self._unsure_since = None
        return bool(found)

    def _has_room(self) -> bool:
        return shutil.disk_usage(self._folder).free > _LITTLE_ROOM

    async def query(self, query: str, *, parameters: dict[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(self._client.query, query, parameters=parameters)

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close)
