"""How the processor reaches the store: the same two calls, to a server or to ClickHouse in this process."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from clickhouse_connect.driver.client import Client


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
    """chDB has no async client: its calls wait in a thread."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def insert(self, table: str, data: Sequence[Sequence[Any]], **how: Any) -> None:
        await asyncio.to_thread(self._client.insert, table, data, **how)

    async def query(self, query: str, *, parameters: dict[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(self._client.query, query, parameters=parameters)

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close)
