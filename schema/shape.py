"""The tables as this version and the settings want them, beside the tables a server has."""

import re
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from schema.by_now import by_now
from schema.cluster import on_cluster
from schema.migration_files import Migration, as_it_is, formed
from schema.migration_record import begun
from schema.places import ClickHousePlace


class Table(NamedTuple):
    """As a statement makes it, or as a server has it. Of a view only the engine is looked at."""

    engine: str
    columns: dict[str, str]  # types by name
    key: str = ""
    days: int | None = None  # rows are kept; None: for ever
    inserts: int | None = None  # remembered, to know repeats; None: it doesn't say
    ttl: str = ""  # the expression, of what a statement makes
    called: str = ""  # as ALTER TABLE takes it, of what a statement makes


def wanted(place: ClickHousePlace, retention_days: int) -> list[Migration]:
    """The migrations as `place` takes them."""
    form = partial(on_cluster, cluster=place.cluster, database=place.database) if place.cluster else as_it_is
    return formed(retention_days, form)


def misfits(client: Client, its: list[Migration]) -> list[str]:
    """Tables that are there under our names and are something else; a sentence each.

    A table may also be as the migrations made it that were applied so far: the missing ones will change it.
    """
    now, found = expected(its), tables_there(client)
    problems = {name: _misfit(name, now[name], found[name]) for name in sorted(now.keys() & found.keys())}
    done, whole = begun(client) if problems.get("migrations") == "" else (set(), 0)
    before = expected(migration for migration in its if migration.number in done or migration.number <= whole)
    return [
        problem
        for name, problem in problems.items()
        if problem and (name not in before or _misfit(name, before[name], found[name]))
    ]


def unlike(client: Client, its: list[Migration], retention_days: int) -> list[str]:
    """Tables that are missing, and what a person should change about the others; a sentence each."""
    now, found = expected(its), tables_there(client)
    sentences = []
    for name in sorted(now):
        if name in found:
            sentences += _changes(name, now[name], found[name], retention_days)
        else:
            sentences.append(f"{name} is missing")
    return sentences


def _misfit(name: str, now: Table, found: Table) -> str:
    """Empty where the table can be used."""
    # ClickHouse Cloud makes a SharedMergeTree of each MergeTree.
    if found.engine.removeprefix("Shared") != now.engine:
        return f"{name} is made as {found.engine or 'something else'}, not as {now.engine}{_cluster_or_not(now, found)}"
    for column, kind in now.columns.items():
        if found.columns.get(column) != kind:
            return f"{name}.{column} is {found.columns.get(column, 'missing')}, not {kind}"
    if more := found.columns.keys() - now.columns.keys():
        return f"{name} has columns this version does not know: {', '.join(sorted(more))}"
    if found.key != now.key:
        return f"{name} is ordered by ({found.key}), not by ({now.key})"
    return ""


def _cluster_or_not(now: Table, found: Table) -> str:
    spread = ("Distributed", "Replicated")
    if now.engine.startswith(spread) == found.engine.startswith(spread):
        return ""
    made = "with" if found.engine.startswith(spread) else "without"
    return f": it was made {made} ?cluster= in SENTINEL_STORE"


def _changes(name: str, now: Table, found: Table, retention_days: int) -> list[str]:
    """What can be changed in place, with the statement that does it."""
    sentences = []
    if found.days != now.days:
        kept = "everything" if found.days is None else f"{found.days} days"
        makes = f"SENTINEL_RETENTION_DAYS={retention_days} makes it {now.days}"
        sentences.append(f"{name} keeps {kept}, {makes}: ALTER TABLE {now.called} MODIFY TTL {now.ttl}")
    if now.inserts and (remembered := _remembered(found)) is not None and remembered < now.inserts:
        kind = "replicated" if now.engine.startswith("Replicated") else "non_replicated"
        sentences.append(
            f"{name} remembers {remembered} inserts, so that a late repeat could count twice:"
            f" ALTER TABLE {now.called} MODIFY SETTING {kind}_deduplication_window = {now.inserts}"
        )
    return sentences


def _remembered(found: Table) -> int | None:
    """A table that doesn't say remembers none or, with replicas, as many as its server is set to: None, not known."""
    return 0 if found.inserts is None and not found.engine.startswith(("Replicated", "Shared")) else found.inserts


_MADE = re.compile(
    r"CREATE (?P<kind>TABLE|MATERIALIZED VIEW)"
    r" (?P<called>(?:`\w+`\.)?(?P<name>\w+)(?: UUID '[^']*')?(?: ON CLUSTER '[^']*')?)(?P<rest>.*)",
    re.DOTALL,
)
_LIKE = re.compile(r" AS (?:`\w+`\.)?(?P<like>\w+)\s+ENGINE = Distributed\(.*", re.DOTALL)
_TABLE = re.compile(r"\s+\(\n(?P<columns>.*?)\n\)\nENGINE = (?P<engine>\w+)(?P<rest>.*)", re.DOTALL)
_COLUMN = re.compile(r"\s*(?P<name>\w+) (?P<type>.*?)(?: CODEC\(.*| DEFAULT .*)?,?")


def expected(its: Iterable[Migration]) -> dict[str, Table]:
    """The tables and views that `its` statements make, by name. Raises ValueError for a statement it can't read."""
    made: dict[str, Table] = {}
    for statement in by_now(one for migration in its for one in migration.statements):
        found = _MADE.fullmatch(statement)
        if found is None:
            raise ValueError(f"what does this make of the tables: {statement[:80]}")
        if found["kind"] == "MATERIALIZED VIEW":
            made[found["name"]] = Table("MaterializedView", {})
        elif like := _LIKE.fullmatch(found["rest"]):
            made[found["name"]] = Table("Distributed", made[like["like"]].columns)
        elif its_own := _TABLE.fullmatch(found["rest"]):
            made[found["name"]] = _table(its_own, found["called"])
    return made


def _table(found: re.Match[str], called: str) -> Table:
    lines = [line for line in found["columns"].splitlines() if not line.lstrip().startswith("INDEX ")]
    columns = {column["name"]: column["type"] for line in lines if (column := _COLUMN.fullmatch(line))}
    key = re.search(r"\nORDER BY (\([^)]*\)|\w+)", found["rest"])
    ttl = re.search(r"\nTTL (.* INTERVAL (\d+) DAY)", found["rest"])
    return Table(
        engine=found["engine"],
        columns=columns,
        key=key[1].strip("()") if key else "",
        days=int(ttl[2]) if ttl else None,
        inserts=_inserts(found["rest"]),
        ttl=ttl[1] if ttl else "",
        called=called,
    )


def _inserts(text: str) -> int | None:
    found = re.search(r"replicated_deduplication_window = (\d+)", text)
    return int(found[1]) if found else None


def names(client: Client) -> set[str]:
    """Of everything in the database."""
    return {row[0] for row in client.query(f"SELECT name {_HERE}").result_rows}


_HERE = "FROM system.tables WHERE database = currentDatabase()"
_COLUMNS = """
SELECT table, groupArray((name, type)) FROM system.columns WHERE database = currentDatabase() GROUP BY table
"""


def tables_there(client: Client) -> dict[str, Table]:
    """Everything in the database, whoever made it."""
    columns = {table: dict(found) for table, found in client.query(_COLUMNS).result_rows}
    tables = {}
    made = f"SELECT name, engine, sorting_key, create_table_query {_HERE}"
    for name, engine, key, query in client.query(made).result_rows:
        days = re.search(r"\bTTL\b.*?toIntervalDay\((\d+)\)", query)
        its = {} if engine == "MaterializedView" else columns.get(name, {})
        tables[name] = Table(engine, its, key, int(days[1]) if days else None, _inserts(query))
    return tables
