"""The store's parts: those that ClickHouse found broken when it opened them, and those that turn out to be, later.

What can't be opened ClickHouse itself puts aside (`detached/broken-on-start_…`). A changed byte in the middle of a part
is only found by reading it: every question about it fails, and no merge ends. So parts are read in the background, and
what is broken is put aside too; the rest is served.
"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

_PARTS = """
SELECT table, name FROM system.parts WHERE database = currentDatabase() AND active ORDER BY bytes_on_disk
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


class Part(NamedTuple):
    table: str
    name: str
    why: str


def aside(client: Client) -> list[Part]:
    """What was put aside, by ClickHouse or by us, and is still there. Raises ClickHouseError."""
    return [Part(*row) for row in client.query(_ASIDE).result_rows]


def errors(client: Client) -> int:
    """How often this process has met damage. Raises ClickHouseError."""
    return int(client.query(_ERRORS).result_rows[0][0])


def put_broken_aside(client: Client, stop: Callable[[], bool]) -> Iterator[Part]:
    """Reads part after part, the small ones first, until `stop`. Raises ClickHouseError."""
    for table, name in client.query(_PARTS).result_rows:
        if stop():
            return
        try:
            why = _broken(client, table, name)
            if why:
                client.command(f"ALTER TABLE {table} DETACH PART '{name}'")
                yield Part(table, name, why)
        except DatabaseError as error:
            if error.code != _NO_SUCH_PART:  # merged meanwhile, which nobody can with a broken one
                raise


def _broken(client: Client, table: str, name: str) -> str:
    """Why, or empty."""
    asked = f"CHECK TABLE {table} PART '{name}' FORMAT JSONCompactEachRow"
    told = str(client.command(asked, settings={"check_query_single_value_result": 0}))
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("[")]
    return next((why or "its check failed" for _, passed, why in rows if not passed), "")
