"""The store's parts: those that ClickHouse found broken when it opened them, and those that turn out to be, later.

What can't be opened ClickHouse itself puts aside (`detached/broken-on-start_…`). A changed byte in the middle of a part
is only found by reading it: every question about it fails, and no merge ends. So parts are read in the background, and
what is broken is put aside too; the rest is served.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

_PARTS = """
SELECT table, name FROM system.parts
WHERE database = currentDatabase() AND active AND toUnixTimestamp(modification_time) >= {since:UInt32}
    AND ({table:String} = '' OR table = {table:String})
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


def broken(client: Client, since: int = 0, table: str = "", *, one_insert: bool = False) -> Iterator[Part]:
    """Reads part after part, the small ones first; only those written `since` then, in s.

    `one_insert`: only those that hold no more. Raises ClickHouseError.
    """
    asked = {"since": since, "table": table, "one_insert": one_insert}
    for its, name in client.query(_PARTS, parameters=asked).result_rows:
        if why := why_broken(client, its, name):
            yield Part(its, name, why)


def why_broken(client: Client, table: str, name: str) -> str:
    """Reads a part. Empty where nothing is wrong, or where it is there no more. Raises ClickHouseError."""
    asked = f"CHECK TABLE {table} PART '{name}' FORMAT JSONCompactEachRow"
    try:
        told = str(client.command(asked, settings={"check_query_single_value_result": 0}))
    except DatabaseError as error:
        if error.code != _NO_SUCH_PART:
            raise
        return ""  # merged meanwhile, which nobody can with a broken one
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("[")]
    return next((why or "its check failed" for _, passed, why in rows if not passed), "")


def take_out(client: Client, part: Part) -> None:
    """Into `detached`. ClickHouse forgets the tokens of what was in it: a repeat is not dropped as one that is there.

    Raises ClickHouseError, as where the disk has no room.
    """
    try:
        client.command(f"ALTER TABLE {part.table} DETACH PART '{part.name}'")
    except DatabaseError as error:
        if error.code != _NO_SUCH_PART:
            raise


def delete_aside(client: Client, table: str, name: str) -> None:
    """Raises ClickHouseError."""
    client.command(f"ALTER TABLE {table} DROP DETACHED PART '{name}'", settings={"allow_drop_detached": 1})
