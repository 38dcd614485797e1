"""The store's parts: those that ClickHouse found broken when it opened them, and those that turn out to be, later.

What can't be opened ClickHouse itself puts aside (`detached/broken-on-start_…`). A changed byte in the middle of a part
is only found by reading it: every question about it fails, and no merge ends. So parts are read in the background, and
what is broken is put aside too; the rest is served.

On a full disk ClickHouse makes broken parts itself: it goes on where a file's write has failed, and then lets the part,
with empty files, stand for those it was merged of (seen with strace, 26.9). Those stay on the disk for eight minutes
more (old_parts_lifetime), and so long they can take its place again.
"""

import json
import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

_PARTS = """
SELECT table, name FROM system.parts
WHERE database = currentDatabase() AND active AND toUnixTimestamp(modification_time) >= {since:UInt32}
    AND (min_block_number = max_block_number OR NOT {one_insert:Bool})
ORDER BY bytes_on_disk
"""
_NO_SUCH_PART = 232
_ASIDE = """
SELECT table, name, reason FROM system.detached_parts
WHERE database = currentDatabase()
ORDER BY table, name
"""
# What ClickHouse counts (system.errors) when it meets a damaged part (src/Common/ErrorCodes.cpp).
_ERRORS = """
SELECT sum(value) FROM system.errors WHERE name IN (
    'CHECKSUM_DOESNT_MATCH', 'CORRUPTED_DATA', 'CANNOT_READ_ALL_DATA', 'UNEXPECTED_END_OF_FILE', 'CANNOT_DECOMPRESS',
    'FILE_DOESNT_EXIST', 'SIZES_OF_MARKS_FILES_ARE_INCONSISTENT', 'BAD_SIZE_OF_FILE_IN_DATA_PART',
    'NO_FILE_IN_DATA_PART', 'INCORRECT_DATA', 'UNKNOWN_CODEC', 'TOO_LARGE_SIZE_COMPRESSED', 'CANNOT_OPEN_FILE',
    'UNEXPECTED_FILE_IN_DATA_PART', 'INCORRECT_MARK'
)
"""
_NO_ROOM = "SELECT sum(value) FROM system.errors WHERE name IN ('NOT_ENOUGH_SPACE', 'CANNOT_WRITE_TO_FILE_DESCRIPTOR')"


class Part(NamedTuple):
    table: str
    name: str
    why: str
    replaced: bool = False  # by those it was merged of; else it was put aside


class Met(NamedTuple):
    """How often this process has met it."""

    damage: int
    no_room: int


def aside(client: Client) -> list[Part]:
    """What was put aside, by ClickHouse or by us, and is still there. Raises ClickHouseError."""
    return [Part(*row) for row in client.query(_ASIDE).result_rows]


def met(client: Client) -> Met:
    """Raises ClickHouseError."""
    return Met(*(int(client.query(asked).result_rows[0][0]) for asked in (_ERRORS, _NO_ROOM)))


def remove_broken(client: Client, inserting: Lock, stop: Callable[[], bool], since: int = 0) -> Iterator[Part]:
    """Reads part after part, the small ones first, until `stop`; only those written `since` then, in s.

    A broken one is replaced by what it was merged of, or put aside. `inserting`: the engine's. Raises ClickHouseError.
    """
    for part in _all_broken(client, since):
        if stop():
            return
        replaced = _has_sources(client, part) and _reopened(client, inserting, part)
        if replaced or _taken_out(client, part, "DETACH"):
            yield part._replace(replaced=replaced)


def drop_broken_inserts(client: Client, since: int) -> bool:
    """Of what was inserted `since` then, in s; whether there was any. Raises ClickHouseError.

    ClickHouse forgets the token with the part, so that a repeat is not dropped as one that is there.
    """
    found = [part for part in _all_broken(client, since, one_insert=True) if not _has_sources(client, part)]
    gone = [_taken_out(client, part, "DROP") for part in found]
    return any(gone)


def _all_broken(client: Client, since: int, *, one_insert: bool = False) -> Iterator[Part]:
    """`one_insert`: only those that hold no more."""
    for table, name in client.query(_PARTS, parameters={"since": since, "one_insert": one_insert}).result_rows:
        try:
            why = _broken(client, table, name)
        except DatabaseError as error:
            if error.code != _NO_SUCH_PART:
                raise
            continue  # merged meanwhile, which nobody can with a broken one
        if why:
            yield Part(table, name, why)


def _taken_out(client: Client, part: Part, how: str) -> bool:
    try:
        client.command(f"ALTER TABLE {part.table} {how} PART '{part.name}'")
    except DatabaseError as error:
        if error.code != _NO_SUCH_PART:
            raise
        return False
    return True


def _broken(client: Client, table: str, name: str) -> str:
    """Why, or empty."""
    asked = f"CHECK TABLE {table} PART '{name}' FORMAT JSONCompactEachRow"
    told = str(client.command(asked, settings={"check_query_single_value_result": 0}))
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("[")]
    return next((why or "its check failed" for _, passed, why in rows if not passed), "")


_WITHIN = """
SELECT its.min_block_number, its.max_block_number, its.rows
FROM system.parts AS its
INNER JOIN (
    SELECT database, table, partition_id, min_block_number, max_block_number, modification_time FROM system.parts
    WHERE database = currentDatabase() AND active AND table = {table:String} AND name = {name:String}
) AS broken USING (database, table, partition_id)
WHERE NOT its.active AND its.min_block_number >= broken.min_block_number
    AND its.max_block_number <= broken.max_block_number
ORDER BY its.min_block_number, its.max_block_number DESC, its.level DESC
"""
_ROWS = """
SELECT rows FROM system.parts
WHERE database = currentDatabase() AND active AND table = {table:String} AND name = {name:String}
"""


def _has_sources(client: Client, part: Part) -> bool:
    """Whether those that a part was merged of are all there: no merge makes more rows than it reads."""
    which = {"table": part.table, "name": part.name}
    rows, behind = 0, -1
    for first, last, its in client.query(_WITHIN, parameters=which).result_rows:
        if first > behind:  # else it was merged into the one before
            rows, behind = rows + its, last
    found = client.query(_ROWS, parameters=which).result_rows
    return bool(found) and rows >= max(1, found[0][0])


_STILL_USED_SECONDS = 60.0


def _reopened(client: Client, inserting: Lock, part: Part) -> bool:
    """Opening a table again, ClickHouse puts aside what it can't open, and takes what that was merged of instead."""
    with inserting:  # no batch finds the table gone
        client.command(f"DETACH TABLE {part.table} SYNC")
        _attach(client, part.table)
    if client.query(_ROWS, parameters={"table": part.table, "name": part.name}).result_rows:
        return False  # it could be opened
    for its in aside(client):
        if its.table == part.table and its.name.startswith("broken") and f"_{part.name}" in its.name:
            gone = f"ALTER TABLE {its.table} DROP DETACHED PART '{its.name}'"
            client.command(gone, settings={"allow_drop_detached": 1})
    return True


def _attach(client: Client, table: str) -> None:
    """A question that still has it open, or a full disk, makes that fail for a moment. Raises DatabaseError."""
    ends = time.monotonic() + _STILL_USED_SECONDS
    while True:
        try:
            client.command(f"ATTACH TABLE {table}")
        except DatabaseError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)
        else:
            return
