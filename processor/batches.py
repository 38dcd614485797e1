"""Batches of rows that cancel and replace others (processor/moves.py), each in its tables once.

A batch is one insert. It is written down first, because its rows go into three tables: killed between them, it is
repeated under its token by whoever opens the store next, and no row of it counts twice.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from threading import Lock, Thread

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from processor.write import TABLE_COLUMNS, columns_of
from schema.noise_moves import GONE, INSERTED, WRITTEN
from schema.store import Store
from schema.violation import Violation

logger = logging.getLogger("sentinel.processor")
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # s, before a batch that a server refused or didn't answer is tried again
_AGAIN = 5.0  # s, between later tries to complete one that was given up
SETTINGS: dict[str, int | str] = {
    "max_memory_usage": 1_000_000_000,
    "max_threads": 2,
    # On a cluster: read where the last batch was written. Another replica may not have it yet, and would have it moved
    # a second time.
    "load_balancing": "in_order",
    "prefer_localhost_replica": 0,
}
"""For who asks what there is to move, and moves it."""


_UNFINISHED = f"""
SELECT batch, any(rows) FROM noise_moves GROUP BY batch HAVING max(done) = {WRITTEN} ORDER BY batch
"""  # noqa: S608  (ours)
_DONE_BEFORE = f"""
SELECT uniqExact(batch) FROM noise_moves WHERE startsWith(batch, {{its:String}}) AND done > {WRITTEN}
"""  # noqa: S608  (ours)
_NOT_GONE = f"""
SELECT batch FROM noise_moves WHERE startsWith(batch, {{its:String}}) GROUP BY batch HAVING max(done) < {GONE}
"""  # noqa: S608  (ours)


def finish(client: Client) -> None:
    """Repeats what a kill left half done. Before anything else is inserted: a token is not remembered for ever.

    Raises ClickHouseError.
    """
    for token, text in client.query(_UNFINISHED).result_rows:
        logger.warning("a batch that changes counts was stopped in the middle; it is completed now")
        _insert(client, msgspec.json.decode(text, type=list[Violation]), token)
        _note(client, token, "", INSERTED)


@contextlib.contextmanager
def completed(store: Store) -> Iterator[None]:
    """What is given up within, for ClickHouse's sake, is completed beside whatever comes after."""
    try:
        yield
    except ClickHouseError:
        Thread(target=_finish_at_last, args=(store,), name="finish", daemon=True).start()
        raise


def _finish_at_last(store: Store) -> None:
    """A batch that was refused for good may be in some of its tables. While this process goes on, so do its inserts,
    and after 10,000 of them its token is forgotten: it is tried until it is in.
    """
    while True:
        time.sleep(_AGAIN)
        try:
            client = store.client()
            try:
                with store.inserting:
                    finish(client)
            finally:
                client.close()
            return
        except ClickHouseError as error:
            logger.warning("a batch that changes counts is not completed yet (error %s)", getattr(error, "code", ""))


def insert_once(client: Client, rows: list[Violation], named: str, inserting: Lock) -> None:
    """The same rows under the same token, however many do this at once; another when the same is moved once more.

    `named`: how the token begins (schema/noise_moves.py). Raises ClickHouseError, after some tries: then `completed`.
    """
    text = msgspec.json.encode(rows).decode()
    its = f"{named}{blake2b(text.encode(), digest_size=16).hexdigest()}-"
    token = f"{its}{client.query(_DONE_BEFORE, parameters={'its': its}).result_rows[0][0]}"
    _patiently(lambda: _note(client, token, text, WRITTEN), inserting)
    _patiently(lambda: _insert(client, rows, token), inserting)
    _patiently(lambda: _note(client, token, "", INSERTED), inserting)


def note_gone(client: Client, named: str) -> None:
    """Of all batches that are `named` so: the rows that they were about are deleted. Raises ClickHouseError."""
    for (token,) in client.query(_NOT_GONE, parameters={"its": named}).result_rows:
        _note(client, token, "", GONE)


def _patiently(insert: Callable[[], None], inserting: Lock) -> None:
    """Between two tries others may insert and ask: the processor waits for `inserting` in its event loop."""
    for pause in _PAUSES:
        try:
            with inserting:
                return insert()
        except ClickHouseError:  # perhaps it was applied: its token makes the repeat harmless
            time.sleep(pause)
    with inserting:
        return insert()


def _insert(client: Client, rows: list[Violation], token: str) -> None:
    now = time.time_ns() // 1_000_000
    labelled = [0 if row.reports < 0 else now for row in rows]  # what takes a count away gives no label
    client.insert(
        "violations",
        [*columns_of(rows), labelled],
        column_names=[*TABLE_COLUMNS, "labelled"],
        column_oriented=True,
        settings={"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1},
    )


def _note(client: Client, token: str, rows: str, done: int) -> None:
    """How far the batch is; what says that it is further is kept."""
    client.insert(
        "noise_moves",
        [[token], [rows], [done]],
        column_names=["batch", "rows", "done"],
        column_oriented=True,
        settings={"insert_deduplication_token": f"{token}-{done}"},
    )
