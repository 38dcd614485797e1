"""The statements that remove what a re-labelling left, here and on a cluster."""

import pytest

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
        f"OPTIMIZE TABLE violations PARTITION '{week}' FINAL",
        f"ALTER TABLE violations DELETE IN PARTITION '{week}' WHERE reports = 0 SETTINGS mutations_sync = 1",
    ]
    assert [line.split()[2] for line in said] == ["violations"] * 2 + ["minutes"] * 2 + ["sources"] * 2


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
