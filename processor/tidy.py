"""After a re-labelling: rows that cancel each other are merged, and what is left of them, counts of none, is removed.

Until then every question leaves them out (schema/keys.py), so this is for the disk; a row of no reports counts nothing,
whoever inserts beside it.
"""

import logging
from collections.abc import Iterator

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schema.places import ClickHousePlace, on_each_host
from schema.store import first_line

logger = logging.getLogger("sentinel.processor")
_PARTITIONED = {"violations": "window", "minutes": "minute", "weeks": "week", "hours": "hour", "days": "day"}


def tidy(client: Client, place: ClickHousePlace | None) -> None:
    """`place` is the server's; None is the store in this process.

    What could not be merged is not removed either: a correction is of no reports until it is merged.
    """
    try:
        for statement in statements(client, place):
            client.command(statement)
    except ClickHouseError as error:
        # A merge of a large week takes longer than we wait, and goes on without us; or merges wait for a backlog
        # (schema/engine/merges.py); or the user may not ask for them.
        logger.warning("rows that count nothing are left for the next `noise apply` to remove (%s)", first_line(error))


def statements(client: Client, place: ClickHousePlace | None) -> Iterator[str]:
    for table, time in _PARTITIONED.items():
        found = client.query(f"SELECT DISTINCT toMonday({time}) FROM {table} WHERE reports <= 0").result_rows  # noqa: S608  (ours)
        for week in sorted(row[0] for row in found):
            yield from _of(table, place, str(week))
    if client.query("SELECT count() FROM sources WHERE reports <= 0").result_rows[0][0]:
        yield from _of("sources", place, "")


def _of(table: str, place: ClickHousePlace | None, week: str) -> Iterator[str]:
    where = on_each_host(table, place)
    part = f"PARTITION '{week}'" if week else ""
    # Where parts stay busy or the disk has no room for a merge, nothing is done, and that is only said if asked for.
    yield f"OPTIMIZE TABLE {where} {part} FINAL SETTINGS optimize_throw_if_noop = 1"
    wait = "" if place is not None else " SETTINGS mutations_sync = 1"
    yield f"ALTER TABLE {where} DELETE {f'IN {part}' if week else ''} WHERE reports = 0{wait}"
