"""The migrations' statements for a cluster: on each shard a table of its rows, over all of them one that finds them.

    CREATE TABLE ledger (…)              →  ledger_local, replicated within its shard, and ledger, over all shards
    CREATE MATERIALIZED VIEW v …         →  v_local, on each shard from table_local to table_local
    ALTER TABLE ledger MODIFY SETTING …  →  of ledger_local
    ALTER TABLE ledger … INDEX …         →  of ledger_local
    ALTER TABLE ledger … COLUMN …        →  of both
    ALTER TABLE v MODIFY QUERY …         →  of v_local, from table_local
    TRUNCATE TABLE weeks                 →  of weeks_local, on each shard
    INSERT INTO weeks … SELECT … FROM v  →  from the table over the shards to that over the shards

Rows that fold together are on one shard: sharded by fingerprint or, where a table has none, by its whole key. What the
views make is folded on each shard, and summed over the shards as it is summed over parts: by every query.
"""

import re
import uuid

LOCAL = "_local"

# ClickHouse's own memory of inserts, but for a week instead of an hour: where inserts are many the number ends it
# first, where they are few a week of them is little. Both count back from the last insert, so a repeat after an outage
# is known however long that was (ReplicatedMergeTreeCleanupThread::clearOldBlocks). An insert is a node in Keeper, by
# table and shard: at most 120,000 a shard, in the twelve tables that batches and views go into.
_WINDOW = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800"

_TABLE = re.compile(
    r"CREATE TABLE (?P<name>\w+)\s+(?P<columns>\(.*\))\s+"
    r"ENGINE = (?P<kind>\w*)MergeTree(?:\((?P<arguments>[^)]*)\))?(?P<rest>.*\bORDER BY (?P<key>\([^)]*\)|\w+).*)",
    re.DOTALL,
)
_VIEW = re.compile(r"CREATE MATERIALIZED VIEW (?P<name>\w+) TO (?P<target>\w+) AS\s+(?P<query>.*)", re.DOTALL)
_ALTER = re.compile(
    r"ALTER TABLE (?P<name>\w+)(?P<what>\s+(?:MODIFY SETTING|MODIFY QUERY|(?:ADD|MODIFY) COLUMN"
    r"|(?:ADD|DROP|MATERIALIZE) INDEX)\s.*)",
    re.DOTALL,
)
_TRUNCATE = re.compile(r"TRUNCATE TABLE (?P<name>\w+)")
_FILL = re.compile(r"INSERT INTO (?P<name>\w+) (?P<columns>\(.*?\))\s+(?P<query>SELECT .*)", re.DOTALL)
_CODEC = re.compile(r" CODEC\(.*\)")


def on_cluster(statement: str, cluster: str, database: str) -> list[str]:
    """What makes in `database` on all hosts of `cluster` what `statement` makes on one.

    Names are written with the database, because a host may take another for its default. Raises ValueError for a kind
    of statement that no migration has had yet.
    """
    statement = re.sub(r"non_replicated_deduplication_window = \d+", _WINDOW, statement)
    if found := _TABLE.fullmatch(statement):
        return [_local_table(found, cluster, database), _spanning_table(found, cluster, database)]
    if found := _VIEW.fullmatch(statement):
        return [_view(found, cluster, database)]
    if found := _ALTER.fullmatch(statement):
        return _altered(found, cluster, database)
    if found := _TRUNCATE.fullmatch(statement):
        return [f"TRUNCATE TABLE `{database}`.{found['name']}{LOCAL} ON CLUSTER '{cluster}'"]
    if found := _FILL.fullmatch(statement):
        return [_fill(found, database)]
    raise ValueError(f"there is no form for a cluster of: {statement[:80]}")


def _altered(found: re.Match[str], cluster: str, database: str) -> list[str]:
    name, what = found["name"], found["what"]
    local = f"ALTER TABLE `{database}`.{name}{LOCAL} ON CLUSTER '{cluster}'"
    kind = " ".join(what.split(maxsplit=2)[:2])
    if kind == "MODIFY QUERY":
        return [f"{local}{_from_local(what, database)}"]
    if kind == "MODIFY SETTING" or kind.endswith(" INDEX"):
        return [f"{local}{what}"]
    # The table over the shards keeps nothing, so there is nothing to compress.
    return [f"{local}{what}", f"ALTER TABLE `{database}`.{name} ON CLUSTER '{cluster}'{_CODEC.sub('', what)}"]


def _local_table(found: re.Match[str], cluster: str, database: str) -> str:
    """The macros {shard} and {replica} are those of ClickHouse's own examples, and of its default path.

    The path is spelled out, because the default one holds the table's UUID: a replica that joins later would get
    another, and begin a table of its own. `cluster` and `database` keep apart what shares a Keeper.
    """
    name = f"{found['name']}{LOCAL}"
    path = f"/clickhouse/tables/{cluster}/{{shard}}/{database}/{name}"
    arguments = ", ".join([f"'{path}'", "'{replica}'", *([found["arguments"]] if found["arguments"] else [])])
    engine = f"Replicated{found['kind']}MergeTree({arguments})"
    made = f"CREATE TABLE `{database}`.{name} ON CLUSTER '{cluster}'"
    return f"{made}\n{found['columns']}\nENGINE = {engine}{found['rest']}"


def _spanning_table(found: re.Match[str], cluster: str, database: str) -> str:
    name = found["name"]
    has_fingerprint = re.search(r"^\s*fingerprint ", found["columns"], re.MULTILINE)
    key = "fingerprint" if has_fingerprint else found["key"].strip("()")
    return (
        f"CREATE TABLE `{database}`.{name} ON CLUSTER '{cluster}' AS `{database}`.{name}{LOCAL}\n"
        f"ENGINE = Distributed('{cluster}', '{database}', '{name}{LOCAL}', cityHash64({key}))"
    )


def _fill(found: re.Match[str], database: str) -> str:
    """From all shards to all shards. What was there was removed: a block of before must not make it a repeat."""
    query = re.sub(r"\bFROM (\w+)", rf"FROM `{database}`.\1", found["query"])
    return (
        f"INSERT INTO `{database}`.{found['name']} {found['columns']}\n{query}\n"
        "SETTINGS distributed_foreground_insert = 1, insert_deduplicate = 0"
    )


def _view(found: re.Match[str], cluster: str, database: str) -> str:
    """A view's UUID goes into what its inserts are remembered by (InsertDeduplication.cpp, TokenDefinition).

    So it must be the same on all replicas, those that join later too: a repeat may go to another one than the insert.
    """
    name = f"{found['name']}{LOCAL}"
    its = uuid.uuid5(uuid.NAMESPACE_URL, f"clickhouse://{cluster}/{database}/{name}")
    return (
        f"CREATE MATERIALIZED VIEW `{database}`.{name} UUID '{its}' ON CLUSTER '{cluster}'"
        f" TO `{database}`.{found['target']}{LOCAL} AS\n{_from_local(found['query'], database)}"
    )


def _from_local(query: str, database: str) -> str:
    return re.sub(r"\bFROM (\w+)", rf"FROM `{database}`.\1{LOCAL}", query)
