"""Clients are lent to one thread at a time, read only, and give up before they hurt."""

import threading
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from dashboards import problems
from dashboards.beside import Questions
from dashboards.clients import LIMITS, Busy, Clients
from dashboards.query_string import BadParameter
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


def test_questions_are_asked_two_at_a_time(store: Engine):
    clients, both = Clients(store, 2), threading.Barrier(2)
    questions = Questions(clients)

    def waits(client: Client) -> Client:
        both.wait(10)  # for the other
        return client

    found = [questions.put(waits) for _ in range(2)]
    with clients.lend() as client:
        questions.ask(client)
        mine, other = sorted((one.result() for one in found), key=lambda its: its is not client)
    assert mine is client
    assert other is not client


def test_a_long_question_keeps_none_of_the_others_waiting(store: Engine):
    clients, all_asked = Clients(store, 2), threading.Event()
    questions = Questions(clients)
    long = questions.put(lambda client: all_asked.wait(10))
    for number in range(9):
        questions.put(lambda client, number=number: all_asked.set() if number == 8 else None)
    with clients.lend() as client:
        questions.ask(client)
    assert long.result()


def test_where_no_client_is_free_the_asker_asks_all_in_their_order(store: Engine):
    clients, order = Clients(store, 2), list[int]()
    questions = Questions(clients)
    found = [questions.put(lambda client, number=number: (order.append(number), client)[1]) for number in range(5)]
    with clients.lend() as client, clients.lend():
        questions.ask(client)
    assert {id(one.result()) for one in found} == {id(client)}
    assert order == [0, 1, 2, 3, 4]


def test_what_goes_wrong_is_told_and_the_rest_is_not_asked(store: Engine):
    clients, rest = Clients(store, 1), list[Client]()
    questions = Questions(clients)
    questions.put(lambda client: client.query("SELECT nothing"))
    questions.put(rest.append)
    with pytest.raises(DatabaseError), clients.lend() as client:
        questions.ask(client)
    assert not rest


def test_what_goes_wrong_in_the_thread_is_told_to_who_asked(store: Engine):
    clients, both = Clients(store, 2), threading.Barrier(2)
    questions = Questions(clients)
    with clients.lend() as mine:

        def fails_beside(client: Client) -> None:
            both.wait(10)
            client.query("SELECT 1" if client is mine else "SELECT nothing")

        for _ in range(2):
            questions.put(fails_beside)
        with pytest.raises(DatabaseError):
            questions.ask(mine)
