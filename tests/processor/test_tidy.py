"""The statements that remove what a re-labelling left, here and on a cluster."""

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from processor import tidy
from processor.tidy import statements
from schema.clickhouse import Engine
from tests.support.places import clickhouse
from tests.support.store import START, empty, insert, violation

ONE = clickhouse("clickhouse://u:p@host:8123/csp")
CLUSTER = clickhouse("clickhouse://u:p@host:8123/csp?cluster=main")


@pytest.fixture
def client(store: Engine):
    made = store.client()
    empty(made)
    insert(made, [violation(1, at=START - 7 * 86400), violation(2)])
    insert(made, [violation(2, reports=-1)])
    return made


def test_only_the_weeks_that_have_something_to_remove_are_rewritten(client):
    said = list(statements(client, None))
    week = client.query("SELECT toMonday(window) FROM violations WHERE reports < 0").result_rows[0][0]
    assert said[:2] == [
        f"OPTIMIZE TABLE violations PARTITION '{week}' FINAL SETTINGS optimize_throw_if_noop = 1",
        f"ALTER TABLE violations DELETE IN PARTITION '{week}' WHERE reports = 0 SETTINGS mutations_sync = 1",
    ]
    tables = ["violations", "minutes", "weeks", "hours", "days", "sources"]
    assert [line.split()[2] for line in said] == [table for table in tables for _ in range(2)]


def test_on_a_cluster_it_is_the_tables_of_its_hosts(client):
    for line in statements(client, CLUSTER):
        assert "_local ON CLUSTER 'main'" in line
        assert line.split()[2].startswith("`csp`.")


@pytest.mark.parametrize("place", [None, ONE, CLUSTER])
def test_clickhouse_reads_them(client, place):
    for line in statements(client, place):
        client.query("SELECT formatQuery({said:String})", parameters={"said": line})


def test_where_there_is_nothing_to_remove_nothing_is_rewritten(store, client):
    empty(client)
    insert(client, [violation(1)])
    assert list(statements(client, None)) == []


class Busy:
    """A store whose parts are being merged elsewhere: it does nothing, and says so only if asked to."""

    def __init__(self, client):
        self.query = client.query
        self.client = client

    def command(self, statement: str):
        if not statement.startswith("OPTIMIZE"):
            return self.client.command(statement)
        if "optimize_throw_if_noop = 1" in statement:
            raise ClickHouseError("Code: 388. DB::Exception: Cannot OPTIMIZE table. (CANNOT_ASSIGN_OPTIMIZE)")
        return ""


def test_what_could_not_be_merged_yet_is_not_removed(client, caplog):
    """A correction is of no reports until it is merged."""
    insert(client, [violation(3, noise="browser", noise_rule="old", noise_version="1")])
    insert(client, [violation(3, noise="browser", noise_rule="new", noise_version="2", reports=0)])
    corrections = "SELECT count() FROM violations WHERE noise_rule = 'new'"
    tidy.tidy(Busy(client), None)
    assert client.query(corrections).result_rows == [(1,)]
    assert "left for the next" in caplog.text
    tidy.tidy(client, None)
    rules = client.query("SELECT noise_rule FROM violations WHERE noise = 'browser'").result_rows
    assert rules == [("new",)]
