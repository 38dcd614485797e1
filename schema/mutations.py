"""How rows go, on the disk too: by mutations, a bounded number at a time.

A mutation's text is kept beside the table it was for. So it names rows by a hash of their key, and never says what is
to be forgotten.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schema.cluster import LOCAL
from schema.places import ClickHousePlace, on_each_host

PATIENT = {"max_execution_time": 600}
_AT_ONCE = 4000  # hashes in a statement: ClickHouse reads 256 KiB of one
_HASHES = 100_000  # asked for together, of 32 bytes each
_UNFINISHED = 50  # mutations: a table with 500 makes who writes wait, with 1000 they are refused
_LOOK_SECONDS = 0.2
_OLD_PARTS_SECONDS = 20.0


class Held(NamedTuple):
    """Rows of `table` for which `condition` holds, by a hash of `key`.

    `clears`: a column of them that is emptied, instead of the rows going.
    """

    table: str
    key: str
    condition: str
    values: dict[str, Any]
    rows: int
    clears: str = ""


class MutationFails(Exception):
    """A sentence, with ClickHouse's own reason."""


def gone(client: Client, found: Sequence[Held], place: ClickHousePlace | None) -> Iterator[int]:
    """Parts still to be rewritten, again and again until the rows are gone. Raises ClickHouseError, MutationFails."""
    tables = sorted({its.table for its in found})
    unfinished = 0
    for its in found:
        for hashes in _asked(client, its):
            client.command(statement(its, hashes, place))
            unfinished += 1
            if unfinished == _UNFINISHED:
                yield from _until_done(client, tables, place)
                unfinished = 0
    yield from _until_done(client, tables, place)


def _hash(key: str) -> str:
    return f"sipHash128({key})"


def _asked(client: Client, its: Held) -> Iterator[list[str]]:
    """In hexadecimal, by slices of all hashes that there can be, so that as few as wanted are in memory."""
    slices = its.rows // _HASHES + 1
    asked = (
        f"SELECT DISTINCT hex({_hash(its.key)}) FROM {its.table} WHERE ({its.condition}) "  # noqa: S608  (ours)
        f"AND reinterpretAsUInt64({_hash(its.key)}) % {slices} = {{slice:UInt64}}"
    )
    for number in range(slices):
        rows = client.query(asked, parameters={**its.values, "slice": number}, settings=PATIENT).result_rows
        for start in range(0, len(rows), _AT_ONCE):
            yield [row[0] for row in rows[start : start + _AT_ONCE]]


def statement(its: Held, hashes: Sequence[str], place: ClickHousePlace | None) -> str:
    what = f"UPDATE {its.clears} = ''" if its.clears else "DELETE"
    some = ", ".join(f"unhex('{one}')" for one in hashes)
    return f"ALTER TABLE {on_each_host(its.table, place)} {what} WHERE {_hash(its.key)} IN ({some})"


# Those of other commands on the same tables too: while one of them fails, ours behind it wait.
_LEFT = """
SELECT sum(parts_to_do), anyIf(latest_fail_reason, latest_fail_reason != ''),
    countIf(position(command, 'sipHash128') > 0)
FROM {of} WHERE database = {{database:String}} AND table IN {{tables:Array(String)}} AND NOT is_done
"""


def _until_done(client: Client, tables: Sequence[str], place: ClickHousePlace | None) -> Iterator[int]:
    [(database,)] = client.query("SELECT currentDatabase()").result_rows
    of, local = "system.mutations", ""
    if place is not None and place.cluster:
        of, local = f"clusterAllReplicas('{place.cluster}', system.mutations)", LOCAL
    values = {"database": database, "tables": [table + local for table in tables]}
    while True:
        [(left, why, ours)] = client.query(_LEFT.format(of=of), parameters=values).result_rows
        if not ours:
            return
        if why:
            raise MutationFails(f"rows can't be deleted: {why.partition(chr(10))[0][:300]}")
        yield int(left)
        time.sleep(_LOOK_SECONDS)


_OLD_PARTS = """
SELECT count() FROM system.parts
WHERE database = currentDatabase() AND NOT active AND table IN {t:Array(String)}
"""


_DROPS = """
SELECT name FROM system.tables
WHERE database = currentDatabase() AND engine_full LIKE '%old_parts_lifetime%'
"""


def drop_old_parts(client: Client, tables: Sequence[str]) -> bool:
    """In this process: a ClickHouse server keeps parts for 8 minutes after it wrote their rows anew; ours go now.

    It looks for them when a partition is dropped, also one that isn't there. False where some are still in use.
    """
    ends = time.monotonic() + _OLD_PARTS_SECONDS
    for table in tables:
        client.command(f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 0")
    try:
        while True:
            for table in tables:
                client.command(f"ALTER TABLE {table} DROP PARTITION ID 'none'")
            if not client.query(_OLD_PARTS, parameters={"t": list(tables)}).result_rows[0][0]:
                return True
            if time.monotonic() > ends:
                return False
            time.sleep(_LOOK_SECONDS)
    finally:
        keep_old_parts(client)


def keep_old_parts(client: Client) -> None:
    """As long as ClickHouse does by default; a kill while they were dropped may have left it otherwise."""
    for (table,) in client.query(_DROPS).result_rows:
        client.command(f"ALTER TABLE {table} RESET SETTING old_parts_lifetime")
