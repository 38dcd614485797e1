"""Clients of a ClickHouse server: what they ask for, what they insert once, and what they say when it can't be."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from dashboards.clients import LIMITS, Clients
from schema.places import ClickHousePlace
from schema.server import Server, quorum
from schema.store import TablesMissing, WrongCluster
from schema.tables import init
from tests.support.certificate import make_certificate
from tests.support.clickhouse_faults import Counts
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.places import clickhouse as place_of
from tests.support.ports import free_ports
from tests.support.store import COLUMNS, insert, violation

ROWS = [violation(1, reports=3), violation(1, noise="extension", reports=4)]
COUNTED = ("violations", "minutes", "sources")
ONCE = {"insert_deduplication_token": "a", "deduplicate_blocks_in_dependent_materialized_views": 1}


@pytest.fixture
def server(clickhouse: ClickHouseServer):
    made = Server(place_of(clickhouse.url))
    init(made, 90)
    yield made
    made.close()


def sums(server: Server) -> list[int]:
    with server.client() as client:
        return [client.query(f"SELECT sum(reports) FROM {table}").result_rows[0][0] for table in COUNTED]


async def insert_async(server: Server) -> None:
    columns = [[getattr(row, name) for row in ROWS] for name in COLUMNS]
    async with await server.async_client() as client:
        await client.insert("violations", columns, column_names=COLUMNS, column_oriented=True, settings=ONCE)


def insert_sync(server: Server) -> None:
    with server.client() as client:
        insert(client, ROWS, token="a")


@pytest.mark.parametrize(
    "store", [insert_sync, lambda server: asyncio.run(insert_async(server))], ids=["sync", "async"]
)
def test_an_insert_whose_answer_was_lost_counts_once_when_repeated(
    clickhouse: ClickHouseServer, server: Server, store: Callable[[Server], None]
):
    clickhouse.cut_after_applying(times=None, only="violations")  # the driver itself tries twice
    with pytest.raises(OperationalError):
        store(server)
    clickhouse.heal()
    store(server)
    assert sums(server) == [7, 7, 7]
    assert clickhouse.counts()["violations"].applied > 1


def test_the_two_clients_know_each_others_repeats(server: Server):
    insert_sync(server)
    asyncio.run(insert_async(server))
    assert sums(server) == [7, 7, 7]


def test_clients_are_not_gathered_into_one_insert(server: Server):
    """ClickHouse 26 does that by default; a token would then stand for rows of several batches."""
    with server.client() as client:
        assert client.query("SELECT getSetting('async_insert')").result_rows == [(False,)]

    async def ask():
        async with await server.async_client() as client:
            return (await client.query("SELECT getSetting('async_insert')")).result_rows

    assert asyncio.run(ask()) == [(False,)]


def test_limits_hold_for_all_questions_of_a_client(server: Server):
    with server.client(LIMITS) as client:
        found = client.query("SELECT getSetting('max_execution_time'), getSetting('max_memory_usage')").result_rows
        assert found == [(LIMITS["max_execution_time"], LIMITS["max_memory_usage"])]
        with pytest.raises(DatabaseError, match="readonly"):
            client.command("DROP TABLE violations")


def test_questions_run_side_by_side_each_on_a_client_of_its_own(server: Server):
    clients = Clients(server, 2)
    with clients.lend() as one, clients.lend() as other:
        assert one is not other
        with one.query_row_block_stream("SELECT number FROM numbers(100000)") as blocks:
            next(iter(blocks))
            assert other.query("SELECT 1").result_rows == [(1,)]


def test_nobody_waits_for_the_batches_of_other_machines(server: Server):
    assert not server.inserting.locked()


def test_a_missing_database_says_what_makes_it(clickhouse: ClickHouseServer):
    nowhere = Server(place_of(clickhouse.url_of("nowhere")))
    with pytest.raises(TablesMissing, match=r"no database nowhere .*csp-sentinel init"):
        nowhere.client()
    with pytest.raises(TablesMissing, match=r"no database nowhere .*csp-sentinel init"):
        asyncio.run(nowhere.async_client())


def test_a_cluster_the_server_does_not_know_is_named(clickhouse: ClickHouseServer):
    lost = Server(place_of(f"{clickhouse.url}?cluster=lost"))
    with pytest.raises(WrongCluster, match="no cluster lost"):
        lost.client()
    with pytest.raises(WrongCluster, match="no cluster lost"):
        asyncio.run(lost.async_client())


def test_a_user_who_may_not_see_the_clusters_learns_which_right_is_missing(clickhouse: ClickHouseServer):
    clickhouse.refuse(497, "sentinel: Not enough privileges. (ACCESS_DENIED)", inserts_only=False)
    with pytest.raises(WrongCluster, match=r"GRANT SELECT ON system\.clusters TO sentinel"):
        Server(place_of(f"{clickhouse.url}?cluster=main")).client()


@pytest.mark.parametrize(("replicas", "copies"), [(1, 0), (2, 2), (3, 2), (5, 2)])
def test_an_answered_insert_is_on_two_replicas_where_a_shard_has_them(replicas: int, copies: int):
    assert quorum("main", replicas) == copies


def test_a_wrong_password_is_the_servers_own_words(clickhouse: ClickHouseServer):
    wrong = dataclasses.replace(place_of(clickhouse.url), password="guess")
    with pytest.raises(DatabaseError) as refused:
        Server(wrong).client()
    assert refused.value.code == 516
    assert "guess" not in str(refused.value)


def test_a_server_that_is_away_is_an_error_at_once():
    with pytest.raises(OperationalError):
        Server(ClickHousePlace(host="127.0.0.1", port=free_ports(1)[0])).client()


def test_over_tls_the_servers_certificate_is_checked(tmp_path: Path):
    certificate = make_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other")
    with ClickHouseServer(tmp_path / "store", user="u", password="p", certificate=certificate) as secure:
        trusted = Server(place_of(f"{secure.url}?ca={certificate.certificate}"))
        init(trusted, 90)
        insert_sync(trusted)
        asyncio.run(insert_async(trusted))
        assert sums(trusted) == [7, 7, 7]
        assert secure.counts()["violations"] == Counts(received=2, applied=2)
        trusted.close()
        for place in (place_of(f"{secure.url}?ca={other.certificate}"), place_of(secure.url)):
            with pytest.raises(OperationalError, match=r"(?i)certificate"):
                Server(place).client()
            with pytest.raises(OperationalError, match=r"(?i)certificate"):
                asyncio.run(Server(place).async_client())
