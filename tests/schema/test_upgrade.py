"""A store that began with the first version, and got rows in each, comes to this one with the same totals of each."""

import time

import pytest

from schema.clickhouse import Engine
from schema.migrate import apply, migrate
from schema.migration_files import Migration, formed, migrations
from schema.violation import Violation
from tests.support.store import START, account, put, violation

LEVELS = [number for number, _, _ in migrations()][:-1]
PER_ROLLUP = ("violations", "minutes", "sources", "weeks", "hours")  # `days` has nothing of before: test_days.py
UNFINISHED = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done"
WITHOUT_INDEX = """
SELECT name FROM system.parts
WHERE database = currentDatabase() AND active AND table = '{table}' AND secondary_indices_compressed_bytes = 0
    AND name IN (SELECT DISTINCT _part FROM {table} WHERE startsWith(site, 'level-'))
"""
PER_SITE = "SELECT site, sum(reports), min(first_seen) FROM violations GROUP BY site ORDER BY site"


@pytest.fixture(scope="module")
def client(store: Engine):
    """A database of its own. What the rows of a version say is seen right before the next one, and in the end."""
    with store.client() as its:
        its.command("CREATE DATABASE upgraded")
        its.database = "upgraded"
        for level in LEVELS:
            apply(its, upto(level))
            fill(its, level)
        its.before = its.query(PER_SITE).result_rows
        its.applied = migrate(its, 90)
        yield its
        its.command("DROP DATABASE upgraded")


def upto(level: int) -> list[Migration]:
    return [its for its in formed(90) if its.number <= level]


def insert(client, *rows: Violation) -> None:
    """As a processor of then did: only the columns that are there."""
    query = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'violations'"
    known = {row[0] for row in client.query(query).result_rows} - {"judged", "labelled"}
    names = [name for name in Violation.__struct_fields__ if name in known]
    put(client, "violations", names, [[getattr(row, name) for row in rows] for name in names])


def fill(client, level: int) -> None:
    first, site = 10 * level, f"level-{level}"
    insert(
        client,
        violation(first, site=site, reports=7),
        violation(first + 1, site=site, at=START - 30 * 86400, reports=4),
        violation(first + 2, site=site, reports=2),
    )
    put(client, "policies", ["policy_hash", "original_policy", "last_seen"], [["aa"], ["default-src 'self'"], [START]])
    if has_ledger(client):
        account(client, [(site, START, "received", "", 13), (site, START, "stored", "", 13)])


def has_ledger(client) -> bool:
    return "ledger" in {row[0] for row in client.query("SHOW TABLES").result_rows}


def of(client, table: str, level: int, column: str = "reports") -> float:
    query = f"SELECT sum({column}) FROM {table} WHERE site = 'level-{level}'"
    return client.query(query).result_rows[0][0]


def test_the_last_step_changes_no_total(client):
    assert len(client.applied) == 1
    assert client.query(PER_SITE).result_rows == client.before
    assert client.query("SELECT any(original_policy) FROM policies").result_rows == [("default-src 'self'",)]
    assert migrate(client, 90) == []


@pytest.mark.parametrize("level", LEVELS)
def test_totals_are_the_same_after_the_upgrade(client, level):
    assert {table: of(client, table, level) for table in PER_ROLLUP} == dict.fromkeys(PER_ROLLUP, 13)
    accounted = 0 if level < 2 else 26
    assert {table: of(client, table, level) for table in ("ledger", "ledger_hours")} == {
        "ledger": accounted, "ledger_hours": accounted,
    }  # fmt: skip
    assert {table: of(client, table, level, "left_out") for table in PER_ROLLUP} == dict.fromkeys(PER_ROLLUP, 0)


def test_what_is_left_out_is_known_by_every_roll_up_from_then_on(client):
    insert(client, violation(7, site="new", reports=1, left_out=9.0))
    query = "SELECT sum(left_out) FROM {} WHERE site = 'new'"
    tables = (*PER_ROLLUP, "days")
    assert [client.query(query.format(table)).result_rows for table in tables] == [[(9.0,)]] * len(tables)


def test_the_words_of_rows_of_before_are_in_the_index(client):
    ends = time.monotonic() + 20
    while client.query(UNFINISHED).result_rows[0][0] and time.monotonic() < ends:
        time.sleep(0.05)
    assert client.query(UNFINISHED).result_rows == [(0,)]
    for table in ("violations", "weeks"):
        assert client.query(WITHOUT_INDEX.format(table=table)).result_rows == [], table
