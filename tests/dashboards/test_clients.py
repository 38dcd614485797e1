"""Clients are lent to one thread at a time, read only, and give up before they hurt."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from dashboards import problems
from dashboards.beside import Beside
from dashboards.clients import LIMITS, Busy, Clients
from dashboards.params import BadParameter
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


@pytest.mark.parametrize("limit", [{}, {"max_execution_time": 0.05, "max_block_size": 100}])
def test_what_a_failed_question_left_behind_is_no_answer_to_the_next(store: Engine, limit: dict[str, float]):
    clients = Clients(store, 1)
    rows = 5 * int(LIMITS["max_result_rows"])
    for _ in range(3):
        with pytest.raises(DatabaseError), clients.lend() as client:
            client.query(f"SELECT number, toString(number) FROM numbers({rows})", settings=limit)
        with clients.lend(patience=0.01) as client:
            assert client.query("SELECT 1, 'a'").result_rows == [(1, "a")]


def test_what_nobody_reads_to_its_end_leaves_nothing_behind(store: Engine):
    clients = Clients(store, 1)

    def pieces() -> Iterator[bytes]:
        with clients.lend() as client:
            yield client.raw_stream("SELECT number FROM numbers(100000)", fmt="CSV").read(10)

    stopped = pieces()
    next(stopped)
    stopped.close()
    with clients.lend(patience=0.01) as client:
        assert client.query("SELECT 1").result_rows == [(1,)]


def test_a_question_that_was_wrong_before_it_was_asked_keeps_its_client(store: Engine):
    clients = Clients(store, 1)
    with pytest.raises(BadParameter), clients.lend() as first:
        raise BadParameter
    with clients.lend() as again:
        assert again is first


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


def test_half_of_a_page_is_asked_beside_the_other_or_after_it_where_no_client_is_free(store: Engine):
    clients = Clients(store, 2)
    with clients.lend() as client:
        assert Beside(clients, lambda other: other).answer(client) is not client
        with clients.lend():
            assert Beside(clients, lambda other: other).answer(client) is client


def test_what_goes_wrong_beside_is_told_to_who_asked(store: Engine):
    clients = Clients(store, 2)
    with clients.lend() as client, pytest.raises(DatabaseError):
        Beside(clients, lambda other: other.query("SELECT nothing")).answer(client)
