"""The store's clients: a few, lent to one thread at a time, with limits that keep a question from hurting the rest."""

import contextlib
import queue
from collections.abc import Iterator
from typing import Any

from clickhouse_connect.driver.client import Client
from starlette.exceptions import HTTPException

from dashboards.filters import NO_FILTER, Where, filled
from dashboards.query_string import BadParameter
from schema.store import Store, wait_for_batch

# The processor lives in the same process: a question gives up before it takes the memory or the cores from it.
LIMITS: dict[str, int | str] = {
    "readonly": 2,  # nothing is changed; limits may be
    "max_execution_time": 20,  # seconds
    "max_memory_usage": 600_000_000,
    "max_bytes_before_external_group_by": 250_000_000,
    "max_bytes_before_external_sort": 250_000_000,
    "max_result_rows": 200_000,
    "result_overflow_mode": "throw",
    "max_threads": 2,
    "do_not_merge_across_partitions_select_final": 1,  # a key is of one week: what is of others need not be looked at
    # ClickHouse compiles what it sees the third time: half a second, and no question here gets quicker by it.
    "compile_expressions": 0,
    "compile_aggregate_expressions": 0,
    "compile_sort_description": 0,
}
PATIENCE_SECONDS = 10.0


class Busy(Exception):
    """Every client is lent."""


# Ours, raised between questions: nothing is left half read.
_HARMLESS = (BadParameter, HTTPException)


class Clients:
    """Opened when first needed, and again after an error.

    What a question that failed had already produced is still in its client, and the next question there would read it
    as its own answer (seen with chDB 4.4, max_result_rows).
    """

    def __init__(self, store: Store, size: int) -> None:
        self._store = store
        self._free: queue.LifoQueue[Client | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextlib.contextmanager
    def lend(self, patience: float = PATIENCE_SECONDS) -> Iterator[Client]:
        """Raises Busy after `patience` seconds."""
        try:
            client = self._free.get(timeout=patience)
        except queue.Empty as error:
            raise Busy from error
        sound = False
        try:
            client = client or self._store.client(LIMITS)
            wait_for_batch(self._store)
            yield client
            sound = True
        except _HARMLESS:
            sound = True
            raise
        finally:
            if client is not None and not sound:
                client.close()
            self._free.put(client if sound else None)


def ask(client: Client, sql: str, where: Where = NO_FILTER, **values: Any) -> list[tuple[Any, ...]]:
    """The rows of a question, which is ours; the server binds all values. Raises ClickHouseError."""
    found = client.query(filled(sql, where), parameters=where.values | values)
    return [tuple(row) for row in found.result_rows]
