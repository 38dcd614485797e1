"""`noise apply`: what is stored gets the labels of today's rules, while other things are being inserted.

A batch is one insert of rows that cancel and replace others (processor/moves.py). It is written down first, because its
rows go into three tables: killed between them, it is repeated under its token by whoever opens the store next, and no
row of it counts twice. A killed re-labelling is run again: it looks at the sums, and what is moved already is right.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from threading import Lock, Thread
from typing import NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from processor import moves, ranges
from processor.moves import Change
from processor.noise import noise
from processor.write import TABLE_COLUMNS, columns_of
from schema.sites import Sites
from schema.store import Store, wait_for_batch
from schema.violation import Violation

logger = logging.getLogger("sentinel.processor")
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # s, before a batch that a server refused or didn't answer is tried again
_BATCH = "noise-"  # how its batches begin
_AGAIN = 5.0  # s, between later tries to complete one that was given up


SETTINGS: dict[str, int | str] = {
    "max_memory_usage": 1_000_000_000,
    "max_threads": 2,
    # On a cluster: read where the last batch was written. Another replica may not have it yet, and would have it moved
    # a second time.
    "load_balancing": "in_order",
    "prefer_localhost_replica": 0,
}


class Step(NamedTuple):
    """How far it is: `looked` at so many of about `of` rows, and `moved` so many reports to another label.

    `changes`: these by old and new rule; "" is none.
    """

    looked: int
    of: int
    moved: int
    changes: Counter[tuple[str, str]]


def relabel(store: Store, sites: Sites) -> Iterator[Step]:
    """By the rules of `sites`. May be left at any step. Raises ClickHouseError."""
    client = store.client(SETTINGS)
    try:
        finish(client)
        yield from _steps(store, client, sites)
    except ClickHouseError:
        Thread(target=_finish_at_last, args=(store,), name="finish", daemon=True).start()
        raise
    finally:
        client.close()


def _steps(store: Store, client: Client, sites: Sites) -> Iterator[Step]:
    weeks = ranges.weeks(client)
    step = Step(0, sum(rows for _, rows in weeks), 0, Counter())
    yield step
    for week, _ in weeks:
        for its in ranges.ranges(client, week):
            changes = _changes(client, its, sites)
            rows = _rows(store, client, its, changes)
            for batch in moves.batches(rows, ranges.BYTES):
                insert_once(client, batch, _BATCH, store.inserting)
            step.changes.update(moves.told(changes, rows))
            step = step._replace(looked=min(step.of, step.looked + its.rows), moved=step.changes.total())
            yield step


def _changes(client: Client, its: ranges.Range, sites: Sites) -> list[Change]:
    found = []
    for violation in ranges.stored(client, its):
        label = noise(violation, sites.get(violation.site), sites.rules)
        if (label.category, label.rule) != (violation.noise, violation.noise_rule):
            found.append(Change(violation, label))
    return found


def _rows(store: Store, client: Client, its: ranges.Range, changes: list[Change]) -> list[Violation]:
    minutes: dict[moves.Group, moves.Minutes] = {}
    if any(change.moves for change in changes):
        wait_for_batch(store)
        minutes = ranges.minutes(client, its)
    return moves.rows(changes, minutes)


_UNFINISHED = "SELECT batch, any(rows) FROM noise_moves GROUP BY batch HAVING max(done) = 0 ORDER BY batch"
_DONE_BEFORE = "SELECT uniqExact(batch) FROM noise_moves WHERE startsWith(batch, {its:String}) AND done > 0"


def finish(client: Client) -> None:
    """Repeats what a kill left half done. Before anything else is inserted: a token is not remembered for ever."""
    for token, text in client.query(_UNFINISHED).result_rows:
        logger.warning("a re-labelling was stopped in the middle of a batch; it is completed now")
        _insert(client, msgspec.json.decode(text, type=list[Violation]), token)
        note(client, token, "", done=1)


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
            logger.warning("a re-labelling's batch is not completed yet (error %s)", getattr(error, "code", ""))


def insert_once(client: Client, rows: list[Violation], named: str, inserting: Lock) -> str:
    """The same rows under the same token, however many do this at once; another when the same is moved once more.

    `named`: how the token begins, which is returned.
    """
    text = msgspec.json.encode(rows).decode()
    its = f"{named}{blake2b(text.encode(), digest_size=16).hexdigest()}-"
    token = f"{its}{client.query(_DONE_BEFORE, parameters={'its': its}).result_rows[0][0]}"
    _patiently(lambda: note(client, token, text, done=0), inserting)
    _patiently(lambda: _insert(client, rows, token), inserting)
    _patiently(lambda: note(client, token, "", done=1), inserting)
    return token


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


def note(client: Client, token: str, rows: str, *, done: int) -> None:
    """How far the batch is; what says that it is further is kept."""
    client.insert(
        "noise_moves",
        [[token], [rows], [done]],
        column_names=["batch", "rows", "done"],
        column_oriented=True,
        settings={"insert_deduplication_token": f"{token}-{done}"},
    )
