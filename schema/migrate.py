"""Brings the tables to this version: numbered `.sql` files, each applied once, in order, never downwards."""

import logging
import re
import time
from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schema.by_now import by_now, name_of
from schema.store import WrongCluster

logger = logging.getLogger("sentinel.store")


class NewerStore(Exception):
    """The tables were made by a newer version than this one."""


class RecordBroken(Exception):
    """It can't be known which files were applied; the message says what to do."""


def migrations() -> list[tuple[int, str, str]]:
    """Number, name and text of each file, in order."""
    files = [file for file in (resources.files("schema") / "migrations").iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name.split("_")[0]), file.name, file.read_text()) for file in files)


def statements(text: str) -> list[str]:
    """The statements of one file; `;` ends a line, and comments stand on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [part.strip() for part in f"{code}\n".split(";\n") if part.strip()]


Form = Callable[[str], list[str]]
"""A statement of the files → what makes the same in this store."""


def as_it_is(statement: str) -> list[str]:
    return [statement]


_RECORD = """CREATE TABLE migrations
(
    number UInt32,
    name String,
    applied DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY number"""


class Migration(NamedTuple):
    """0 is the table of migrations itself."""

    number: int
    name: str
    statements: list[str]


def formed(retention_days: int, form: Form = as_it_is) -> list[Migration]:
    """Every migration as it is run."""
    files = [(0, "", [_RECORD]), *((number, name, statements(text)) for number, name, text in migrations())]
    return [
        Migration(number, name, [made for given in its for made in form(_with_days(given, retention_days))])
        for number, name, its in files
    ]


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
    _set_retention(client, retention_days)
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
    _wait_for_record(client)
    _attach_again(client, files)
    done, whole = begun(client)
    its = by_now(statement for file in files for statement in file.statements)
    if not done and not whole and names.isdisjoint(name_of(made).rpartition(".")[2] for made in its):
        _record(client, [Migration(0, str(files[-1].number), [])])
        done, whole = begun(client)
    if (newest := max({*done, whole})) > files[-1].number:
        raise NewerStore(f"the store is at migration {newest}, this version knows {files[-1].number}")
    there = [file for file in files if file.number in done or file.number <= whole]
    _run(client, by_now(statement for file in there for statement in file.statements))
    missing = [file for file in files if file.number not in done]
    _record(client, [file for file in missing if file.number <= whole])
    for file in missing:
        if file.number > whole:
            logger.info("the tables are changed by %s; a part that is written anew needs room twice", file.name)
            _run(client, file.statements)
            _record(client, [file])
    return [file.name for file in missing]


def _record(client: Client, files: list[Migration]) -> None:
    if files:
        client.insert("migrations", [[its.number, its.name] for its in files], column_names=["number", "name"])


_BEHIND = """
SELECT count() FROM system.replicas
WHERE database = currentDatabase() AND startsWith(table, 'migrations') AND (is_readonly OR queue_size > 0)
"""
_JOINED_SECONDS = 60.0


def _wait_for_record(client: Client) -> None:
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


# `violations` goes by whole weeks; what stands beside a violation stays as long as the last row of its week.
_WEEK_OF_GRACE = 8


def _with_days(statement: str, retention_days: int) -> str:
    companion = str(retention_days + _WEEK_OF_GRACE)
    return statement.replace("{retention_days}", str(retention_days)).replace("{companion_days}", companion)


# Table → what its TTL starts from, and its days; `rejects` keeps its own 14.
_TTL = {
    "violations": "window + INTERVAL {retention_days} DAY",
    "minutes": "minute + INTERVAL {retention_days} DAY",
    "weeks": "last_window + INTERVAL {retention_days} DAY",
    "hours": "hour + INTERVAL {retention_days} DAY",
    "days": "last_window + INTERVAL {retention_days} DAY",
    "days_since": "since + INTERVAL {companion_days} DAY",
    "sources": "toDateTime(last_seen) + INTERVAL {companion_days} DAY",
    "policies": "last_seen + INTERVAL {companion_days} DAY",
    "site_policies": "toDateTime(last_seen) + INTERVAL {companion_days} DAY",
    "examples": "seen + INTERVAL {companion_days} DAY",
    "ledger": "minute + INTERVAL {retention_days} DAY",
    "ledger_hours": "hour + INTERVAL {retention_days} DAY",
    "alert_events": "toDateTime(recorded) + INTERVAL {companion_days} DAY",
    "alert_messages": "toDateTime(made) + INTERVAL {companion_days} DAY",
    "silent_sources": "toDateTime(since) + INTERVAL {companion_days} DAY",
}


def _set_retention(client: Client, days: int) -> None:
    """Follow a changed setting: parts are told their new end, and dropped when it comes.

    `materialize_ttl_recalculate_only` keeps ClickHouse from rewriting rows for that, but for the smallest parts.
    """
    query = "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
    for table, ttl in _TTL.items():
        made = client.query(query, parameters={"table": table}).result_rows[0][0]
        wanted = _with_days(ttl, days)
        if wanted.split()[-2] not in re.findall(r"toIntervalDay\((\d+)\)", made):
            client.command(f"ALTER TABLE {table} MODIFY TTL {wanted}")
