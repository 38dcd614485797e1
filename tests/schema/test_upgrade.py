"""A store of each earlier version, with rows in it, comes to this one with the same totals."""

import pytest

from schema.clickhouse import Engine
from schema.migrate import Migration, apply, formed, migrate, migrations
from tests.support.store import START, account, put, violation

LEVELS = [number for number, _, _ in migrations()][:-1]
PER_ROLLUP = ("violations", "minutes", "sources", "weeks", "hours")


@pytest.fixture
def client(store: Engine, request):
    """A database of its own, with the tables of migration `request.param` and of none after it."""
    name = f"level_{request.param}"
    with store.client() as its:
        its.command(f"CREATE DATABASE {name}")
        its.database = name
        assert len(apply(its, upto(request.param))) == request.param
        yield its
        its.command(f"DROP DATABASE {name}")


def upto(level: int) -> list[Migration]:
    return [its for its in formed(90) if its.number <= level]


def fill(client) -> None:
    """As a processor of then did: only the columns that were there."""
    query = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'violations'"
    known = {row[0] for row in client.query(query).result_rows} - {"judged", "labelled"}
    rows = [
        violation(1, reports=7),
        violation(2, at=START - 30 * 86400, reports=4),
        violation(3, site="blog", reports=2),
    ]
    names = [name for name in type(rows[0]).__struct_fields__ if name in known]
    put(client, "violations", names, [[getattr(row, name) for row in rows] for name in names])
    put(client, "policies", ["policy_hash", "original_policy", "last_seen"], [["aa"], ["default-src 'self'"], [START]])
    tables = {row[0] for row in client.query("SHOW TABLES").result_rows}
    if "ledger" in tables:
        account(client, [("shop", START, "received", "", 13), ("shop", START, "stored", "", 13)])


@pytest.mark.parametrize("client", LEVELS, indirect=True)
def test_totals_are_the_same_after_the_upgrade(client):
    fill(client)
    before = client.query(
        "SELECT site, sum(reports), min(first_seen) FROM violations GROUP BY site ORDER BY site"
    ).result_rows
    migrate(client, 90)
    after = client.query(
        "SELECT site, sum(reports), min(first_seen) FROM violations GROUP BY site ORDER BY site"
    ).result_rows
    assert before == after
    for table in PER_ROLLUP:
        assert client.query(f"SELECT sum(reports) FROM {table}").result_rows == [(13,)], table
    for table in ("ledger", "ledger_hours"):
        assert client.query(f"SELECT sum(reports) FROM {table}").result_rows[0][0] in (0, 26), table
    assert client.query("SELECT any(original_policy) FROM policies").result_rows == [("default-src 'self'",)]
    assert migrate(client, 90) == []
