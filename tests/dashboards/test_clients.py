"""Clients are lent to one thread at a time, read only, and give up before they hurt."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from dashboards import problems
from dashboards.clients import Busy, Clients
from schema.clickhouse import Engine


def test_as_many_are_lent_as_there_are(store: Engine):
    clients = Clients(store, 1)
    with clients.lend() as first:
        with pytest.raises(Busy), clients.lend(patience=0.01):
            pass
        assert first.query("SELECT 1").result_rows == [(1,)]
    with clients.lend(patience=0.01) as again:
        assert again is first


def test_a_client_comes_back_after_an_error(store: Engine):
    clients = Clients(store, 1)
    with pytest.raises(DatabaseError), clients.lend() as client:
        client.query("SELECT nonsense")
    with clients.lend(patience=0.01) as client:
        assert client.query("SELECT 1").result_rows == [(1,)]


@pytest.mark.parametrize("statement", ["TRUNCATE TABLE violations",
"INSERT INTO source_states VALUES ('a','b','c','d',now())",
                                       "SET readonly = 0"])  # fmt: skip
def test_nothing_is_changed(store: Engine, statement: str):
    with Clients(store, 1).lend() as client, pytest.raises(DatabaseError, match="READONLY"):
        client.command(statement)


def test_an_answer_that_takes_too_long_is_a_503_that_says_what_helps(store: Engine):
    with Clients(store, 1).lend() as client, pytest.raises(DatabaseError) as caught:
        client.query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", settings={"max_execution_time": 0.2})
    problem = problems.of(caught.value)
    assert problem.status == 503
    assert "shorter period" in problem.sentence


def test_an_answer_that_takes_too_much_memory_is_one_too(store: Engine):
    with Clients(store, 1).lend() as client, pytest.raises(DatabaseError) as caught:
        client.query("SELECT groupArray(number) FROM numbers(100000000)", settings={"max_memory_usage": 10_000_000})
    assert problems.of(caught.value).status == 503
