"""How the processor reaches the store: the same two calls, to a server or to ClickHouse in this process."""

import asyncio
import errno
import shutil
import time
from collections.abc import Sequence
from typing import Any, Protocol

from clickhouse_connect.driver.client import Client

from schema import parts

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


class InProcess:
    """chDB has no async client: its calls wait in a thread.

    What a full disk breaks of an insert ClickHouse takes for inserted (schema/parts.py). So where an insert failed, or
    there was little room, its parts are read: a broken one is dropped, and the insert's repeat makes it again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        [[folder]] = client.query("SELECT path FROM system.disks WHERE name = 'default'").result_rows
        self._folder = folder
        self._unsure_since: int | None = None  # seconds since the epoch; what was inserted from then on is to be read

    async def insert(self, table: str, data: Sequence[Sequence[Any]], **how: Any) -> None:
        """Raises OSError too where the disk was full."""
        await asyncio.to_thread(self._insert, table, data, **how)

    def _insert(self, table: str, data: Sequence[Sequence[Any]], **how: Any) -> None:
        self._drop_broken()  # of a try that failed
        has_room = self._has_room()
        self._unsure_since = int(time.time()) - 1
        self._client.insert(table, data, **how)
        if has_room and self._has_room():
            self._unsure_since = None
        elif self._drop_broken():
            raise OSError(errno.ENOSPC, "the store's disk was full while it inserted")

    def _drop_broken(self) -> bool:
        """Whether there was any."""
        if self._unsure_since is None:
            return False
        found = parts.drop_broken_inserts(self._client, self._unsure_since)
        self._unsure_since = None
        return found

    def _has_room(self) -> bool:
        return shutil.disk_usage(self._folder).free > _LITTLE_ROOM

    async def query(self, query: str, *, parameters: dict[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(self._client.query, query, parameters=parameters)

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close)
