"""Brings the tables to this version: numbered `.sql` files, each applied once, in order, never downwards."""

import logging
import re
import time

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schema.by_now import by_now, name_of
from schema.migration_files import Migration, formed
from schema.migration_record import begun, note, wait_for_record
from schema.shape import expected, tables_there

logger = logging.getLogger("sentinel.store")


class NewerStore(Exception):
    """The tables were made by a newer version than this one."""


class RecordBroken(Exception):
    """It can't be known which files were applied; the message says what to do."""


def migrate(client: Client, retention_days: int) -> list[str]:
    """In this process: apply what is missing and follow a changed retention. The names of the files applied.

    Raises NewerStore, RecordBroken.
    """
    if client.query(_RECORD_ASIDE).result_rows:  # what was applied would be again, and fill tables a second time
        raise RecordBroken(
            "the store's record of its migrations is damaged: move the data dir away, and `csp-sentinel restore` a "
            "backup in its place"
        )
    wanted = formed(retention_days)
    applied = apply(client, wanted)
    _follow_retention(client, wanted)
    return applied


_RECORD_ASIDE = """
SELECT name FROM system.detached_parts WHERE database = currentDatabase() AND table = 'migrations'
"""


def apply(client: Client, wanted: list[Migration]) -> list[str]:
    """What is missing of `wanted`; the names of the files. Two may do it at once. Raises NewerStore, WrongCluster.

    The tables of earlier files are made again if they are not there: a cluster may have grown. They are made as they
    are by now: a replica that joins would be refused with the columns of then. A file that drops one will have to say
    so here.
    """
    record, *files = wanted
    names = {name for (name,) in client.query("SHOW TABLES").result_rows}
    _run(client, record.statements)
    wait_for_record(client)
    _attach_again(client, files)
    done, whole = begun(client)
    its = by_now(statement for file in files for statement in file.statements)
    if not done and not whole and names.isdisjoint(name_of(made).rpartition(".")[2] for made in its):
        note(client, [Migration(0, str(files[-1].number), [])])
        done, whole = begun(client)
    if (newest := max({*done, whole})) > files[-1].number:
        raise NewerStore(f"the store is at migration {newest}, this version knows {files[-1].number}")
    there = [file for file in files if file.number in done or file.number <= whole]
    _run(client, by_now(statement for file in there for statement in file.statements))
    missing = [file for file in files if file.number not in done]
    note(client, [file for file in missing if file.number <= whole])
    for file in missing:
        if file.number > whole:
            logger.info("the tables are changed by %s; a part that is written anew needs room twice", file.name)
            _run(client, file.statements)
            note(client, [file])
    return [file.name for file in missing]


def _run(client: Client, its: list[str]) -> None:
    for statement in its:
        client.command(_repeatable(statement))
        if found := _NEW_QUERY.match(statement):
            client.command(f"DETACH TABLE {found['view']}{found['where']}")
            _attach(client, found)


# To the memory of inserts a view with a new query is another one, on every host and until it is loaded anew: a batch
# that is repeated after a restart, or on another replica, would count twice in its table. What is inserted meanwhile
# misses it (both seen with chDB 4.4, ClickHouse 26.9), so the processors rest: docs/operations.md, Upgrade.
_NEW_QUERY = re.compile(r"ALTER TABLE (?P<view>\S+)(?P<where>(?: ON CLUSTER '[^']*')?) MODIFY QUERY\s")
_USED_SECONDS = 10.0  # a question that began before may hold it for a moment more


def _attach(client: Client, view: re.Match[str]) -> None:
    ends = time.monotonic() + _USED_SECONDS
    while True:
        try:
            client.command(f"ATTACH TABLE IF NOT EXISTS {view['view']}{view['where']}")
        except DatabaseError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)
        else:
            return


def _attach_again(client: Client, files: list[Migration]) -> None:
    """The views that a server keeps detached since `init` was killed."""
    asked = "SELECT table FROM system.detached_tables WHERE database = currentDatabase() AND NOT is_permanently"
    detached = {name for (name,) in client.query(asked).result_rows}
    for statement in (statement for file in files for statement in file.statements):
        if (found := _NEW_QUERY.match(statement)) and found["view"].rpartition(".")[2] in detached:
            _attach(client, found)


def _repeatable(statement: str) -> str:
    """A kill inside a file leaves some of its tables made: the next start goes over them."""
    for made in ("CREATE TABLE ", "CREATE MATERIALIZED VIEW "):
        if statement.startswith(made):
            return statement.replace(made, f"{made}IF NOT EXISTS ", 1)
    return statement


def _follow_retention(client: Client, wanted: list[Migration]) -> None:
    """Parts are told their new end, and dropped when it comes.

    `materialize_ttl_recalculate_only` keeps ClickHouse from rewriting rows for that, but for the smallest parts.
    """
    found = tables_there(client)
    for name, table in expected(wanted).items():
        if table.days != found[name].days:
            client.command(f"ALTER TABLE {name} MODIFY TTL {table.ttl}")
