"""The table `migrations`: which files were applied, and which are being made."""

import time

from clickhouse_connect.driver.client import Client

from schema.migration_files import Migration
from schema.store import WrongCluster


def note(client: Client, files: list[Migration]) -> None:
    if files:
        client.insert("migrations", [[its.number, its.name] for its in files], column_names=["number", "name"])


_BEHIND = """
SELECT count() FROM system.replicas
WHERE database = currentDatabase() AND startsWith(table, 'migrations') AND (is_readonly OR queue_size > 0)
"""
_JOINED_SECONDS = 60.0


def wait_for_record(client: Client) -> None:
    """A replica that joins has no rows at first: what is recorded would be done once more. Raises WrongCluster."""
    ends = time.monotonic() + _JOINED_SECONDS
    while client.query(_BEHIND).result_rows[0][0]:
        if time.monotonic() > ends:
            raise WrongCluster("this host has not got the record of the migrations yet: run `csp-sentinel init` later")
        time.sleep(0.2)


def begun(client: Client) -> tuple[set[int], int]:
    """The files applied, and the last of those that are being made at once, 0 where none are.

    An empty store gets its tables as they are by now. That is written down, as number 0, before the first of them is
    made: for who goes on after a kill, and for another who does it meanwhile. All those files are recorded together.
    """
    done = recorded(client)
    if done - {0}:
        return done, 0
    found = client.query("SELECT max(toUInt32OrZero(name)) FROM migrations WHERE number = 0").result_rows
    return done, int(found[0][0])


def recorded(client: Client) -> set[int]:
    """The numbers of the files applied. Raises DatabaseError where there is no record."""
    return {row[0] for row in client.query("SELECT DISTINCT number FROM migrations").result_rows}
