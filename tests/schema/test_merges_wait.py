"""While much waits in the log nothing is merged, as long as there are few parts."""

import uuid
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schema import merges
from schema.clickhouse import Engine
from schema.merges import Merges
from tests.support.store import empty, put

MUCH, LITTLE = 250_000, 3_000
_ABORTED = 236


@pytest.fixture
def client(store: Engine) -> Iterator[Client]:
    client = store.client()
    empty(client)
    yield client
    client.command("SYSTEM START MERGES")


def parts(client: Client, number: int, table: str = "policies") -> None:
    """So many more, of one table. An insert of the same rows would be taken for a repeat."""
    key = "policy_hash" if table == "policies" else "site"
    for _ in range(number):
        put(client, table, [key], [[uuid.uuid4().hex]])


def merged(client: Client) -> bool:
    """Whether ClickHouse does as it is asked."""
    parts(client, 2, "source_states")
    try:
        client.command("OPTIMIZE TABLE source_states FINAL")
    except DatabaseError as error:
        if error.code != _ABORTED:
            raise
        return False
    return True


def test_merges_wait_until_little_is_left(client):
    its = Merges(client)
    its.after_batch(MUCH)
    assert not merged(client)
    its.after_batch(MUCH / 5)
    assert not merged(client)
    its.after_batch(LITTLE)
    assert merged(client)


def test_where_no_more_than_a_batch_waits_none_are_stopped(client):
    Merges(client).after_batch(64_000)
    assert merged(client)


def test_a_table_of_many_parts_is_merged_all_the_same_and_they_wait_again_where_it_has_few(client):
    its = Merges(client)
    its.after_batch(MUCH)
    parts(client, merges._MANY)
    its.after_batch(MUCH)
    assert merged(client)
    client.command("OPTIMIZE TABLE policies FINAL")
    its.after_batch(MUCH)
    assert not merged(client)


def test_where_many_wait_to_be_merged_already_they_are(client):
    client.command("SYSTEM STOP MERGES policies")
    parts(client, merges._FEW)
    Merges(client).after_batch(MUCH)
    assert merged(client)


def test_a_store_that_says_no_hinders_nobody(client, monkeypatch, caplog):
    monkeypatch.setattr(merges, "_PARTS", "SELECT throwIf(1)")
    Merges(client).after_batch(MUCH)
    assert "merges can't be stopped" in caplog.text
    assert merged(client)
