"""Brings the tables to this version: numbered `.sql` files, each applied once, in order, never downwards."""

import re
from importlib import resources

from clickhouse_connect.driver.client import Client


class NewerStore(Exception):
    """The tables were made by a newer version than this one."""


def migrations() -> list[tuple[int, str, str]]:
    """Number, name and text of each file, in order."""
    files = [file for file in (resources.files("schema") / "migrations").iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name.split("_")[0]), file.name, file.read_text()) for file in files)


def statements(text: str) -> list[str]:
    """The statements of one file; `;` ends a line, and comments stand on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [part.strip() for part in f"{code}\n".split(";\n") if part.strip()]


def migrate(client: Client, retention_days: int) -> list[str]:
    """Apply what is missing and set the retention. Returns the names of the files applied; raises NewerStore."""
    client.command(
        "CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied DateTime('UTC') DEFAULT now())"
        " ENGINE = MergeTree ORDER BY number"
    )
    done = {row[0] for row in client.query("SELECT number FROM migrations").result_rows}
    known = migrations()
    if done and max(done) > known[-1][0]:
        raise NewerStore(f"the store is at migration {max(done)}, this version knows {known[-1][0]}")
    applied = []
    for number, name, text in known:
        if number in done:
            continue
        for statement in statements(text):
            client.command(_with_days(_repeatable(statement), retention_days))
        client.insert("migrations", [[number, name]], column_names=["number", "name"])
        applied.append(name)
    _set_retention(client, retention_days)
    return applied


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
    "sources": "toDateTime(last_seen) + INTERVAL {companion_days} DAY",
    "policies": "last_seen + INTERVAL {companion_days} DAY",
    "examples": "seen + INTERVAL {companion_days} DAY",
    "ledger": "minute + INTERVAL {retention_days} DAY",
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
