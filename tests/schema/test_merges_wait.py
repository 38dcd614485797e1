"""While much waits in the log nothing is merged, as long as there are few parts."""

import uuid
from collections.abc import Iterator
from threading import Event, Lock, Thread

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from processor.forget import forget
from schema.clickhouse import Engine
from schema.engine import merges
from schema.engine.merges import Merges
from schema.forgetting import Wanted
from tests.support.store import empty, insert, put, violation
from tests.support.waiting import wait_for

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
    its = Merges(client, Lock())
    its.follow(MUCH)
    assert not merged(client)
    its.follow(80_000)
    assert not merged(client)
    its.follow(LITTLE)
    assert merged(client)


def test_where_no_more_than_a_batch_waits_none_are_stopped(client):
    Merges(client, Lock()).follow(64_000)
    assert merged(client)


def test_a_table_of_many_parts_is_merged_all_the_same_and_they_wait_again_where_it_has_few(client):
    its = Merges(client, Lock())
    its.follow(MUCH)
    parts(client, merges._MANY)
    its.follow(MUCH)
    assert merged(client)
    client.command("OPTIMIZE TABLE policies FINAL")
    its.follow(MUCH)
    assert not merged(client)


def test_where_many_wait_to_be_merged_already_they_are(client):
    client.command("SYSTEM STOP MERGES policies")
    parts(client, merges._FEW)
    Merges(client, Lock()).follow(MUCH)
    assert merged(client)


def test_a_merge_that_runs_is_let_end(client, monkeypatch):
    monkeypatch.setattr(merges, "_STATE", "SELECT 1, 1, 0")
    Merges(client, Lock()).follow(MUCH)
    assert merged(client)


def test_nor_do_they_wait_while_somebody_may_ask_for_mutations(client):
    moving = Lock()
    its = Merges(client, moving)
    with moving:
        its.follow(MUCH)
        assert merged(client)
    its.follow(MUCH)
    assert not merged(client)
    with moving:
        its.follow(MUCH)
        assert merged(client)


def test_a_mutation_that_was_left_unfinished_is_finished_though_much_waits(client, store):
    parts(client, 1)
    its = Merges(client, Lock())
    its.follow(MUCH)
    asking = store.client({"mutations_sync": 0})
    asking.command("ALTER TABLE source_states DELETE WHERE 1")
    its.follow(MUCH)
    left = "SELECT count() FROM system.mutations WHERE NOT is_done"
    wait_for("the mutation", lambda: asking.query(left).result_rows == [(0,)])


def test_forgetting_ends_while_much_waits(client, store):
    insert(client, [violation(site="forgotten")])
    its, ended = Merges(client, store.moving), Event()
    its.follow(MUCH)
    batches = Thread(target=lambda: [its.follow(MUCH) for _ in iter(lambda: ended.wait(0.05), True)])
    batches.start()
    try:
        *_, last = forget(store, Wanted("forgotten"))
    finally:
        ended.set()
        batches.join()
    assert last["left"] == 0
    assert client.query("SELECT count() FROM violations WHERE site = 'forgotten'").result_rows == [(0,)]


def test_a_stop_that_fails_halfway_is_taken_back(client, monkeypatch, caplog):
    its, does = Merges(client, Lock()), client.command

    def half(statement: str) -> None:
        does(f"{statement} source_states")
        raise DatabaseError("no more memory")

    monkeypatch.setattr(client, "command", half)
    its.follow(MUCH)
    monkeypatch.undo()
    assert not merged(client)
    assert "merges can't be stopped" in caplog.text
    its.follow(LITTLE)
    assert merged(client)


def test_a_store_that_does_not_answer_hinders_nobody(client, monkeypatch, caplog):
    monkeypatch.setattr(merges, "_STATE", "SELECT throwIf(1)")
    Merges(client, Lock()).follow(MUCH)
    assert "merges can't be stopped" in caplog.text
    assert merged(client)


def test_they_go_on_when_the_processor_ends(client, store):
    its = Merges(store.client(), store.moving)
    its.follow(MUCH)
    assert not merged(client)
    its.close()
    assert merged(client)
