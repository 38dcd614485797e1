"""The ClickHouse that the tests run against does what a real one does."""

import asyncio
import base64
import contextlib
import http.client
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from schema.migrate import migrate
from tests.support.clickhouse_faults import Counts
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.store import insert, put, violation

ROWS = [violation(1, reports=3), violation(2, reports=4)]
ONCE = {"insert_deduplication_token": "a", "deduplicate_blocks_in_dependent_materialized_views": 1}
TOTAL = "SELECT sum(n) FROM t"


def ask(server: ClickHouseServer, method: str, body: bytes = b"", headers=None, **parameters: str):
    """Status, head and body, without a client's own ways."""
    basic = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        query = urlencode({"database": server.database} | parameters)
        connection.request(method, f"/?{query}", body, {"Authorization": f"Basic {basic}"} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_the_tables_are_made_and_a_repeated_insert_is_counted_once_in_each(clickhouse):
    with clickhouse.client() as client:
        assert migrate(client, 90)
        assert migrate(client, 90) == []
        for _ in range(2):
            insert(client, ROWS, token="a")
        sums = [client.query(f"SELECT sum(reports) FROM {name}").result_rows[0][0] for name in
                ("violations", "minutes", "sources")]  # fmt: skip
    assert sums == [7, 7, 7]
    assert clickhouse.counts()["violations"] == Counts(received=2, applied=2)


def test_the_asynchronous_client_asks_and_inserts(clickhouse, client):
    async def run():
        async with await clickhouse_connect.get_async_client(
            dsn=clickhouse.url.replace("clickhouse:", "http:")
        ) as made:
            for _ in range(2):
                await made.insert("t", [[1, 2]], column_names=["n"], column_oriented=True, settings=ONCE)
            found = await made.query("SELECT n FROM t WHERE n > {least:UInt8}", parameters={"least": 1})
            return found.result_rows, await made.command("SELECT count() FROM t"), await made.ping()

    assert asyncio.run(run()) == ([(2,)], 2, True)


@pytest.mark.parametrize("text", ["it's\ta \\ \n é", "é" * 20_000], ids=["in the URL", "in a form"])
def test_parameters_are_bound(client, text: str):
    assert client.query("SELECT {text:String}", parameters={"text": text}).result_rows == [(text,)]


def test_a_command_without_a_result_is_told_from_one_with_an_empty_result(clickhouse):
    assert ask(clickhouse, "POST", b"CREATE TABLE e (n UInt64) ENGINE = Memory")[1]["X-ClickHouse-Format"] is None
    status, head, body = ask(clickhouse, "POST", b"SELECT n FROM e")
    assert (status, head["X-ClickHouse-Format"], body) == (200, "TabSeparated", b"")


def test_a_statement_may_name_its_format(clickhouse):
    assert ask(clickhouse, "POST", b"SELECT 1 AS one FORMAT JSONEachRow")[2] == b'{"one":1}\n'
    assert ask(clickhouse, "POST", b"SELECT 1 AS one", default_format="CSV")[2] == b"1\n"


def test_settings_hold_for_one_statement(client):
    asked = "SELECT getSetting('max_threads')"
    before = client.query(asked).result_rows
    assert client.query(asked, settings={"max_threads": 7}).result_rows == [(7,)]
    assert client.query(asked).result_rows == before


@pytest.mark.parametrize("encoding", [False, "lz4", "zstd", "gzip"])
def test_inserts_may_be_compressed(clickhouse, client, encoding):
    with clickhouse.client(compress=encoding) as compressing:
        put(compressing, "t", ["n"], [list(range(100_000))])
    assert client.command(TOTAL) == sum(range(100_000))


def test_rows_may_follow_a_statement_in_the_url(clickhouse, client):
    ask(clickhouse, "POST", b"1\n2\n", query="INSERT INTO t (n) FORMAT TabSeparated")
    ask(clickhouse, "POST", b"INSERT INTO t (n) SETTINGS max_threads = 1 FORMAT CSV\n4\n")
    ask(clickhouse, "POST", b"INSERT INTO t VALUES (8)")
    assert client.command(TOTAL) == 15


def test_ping_needs_no_password(clickhouse):
    status, _, body = ask(clickhouse, "GET", headers={"Authorization": ""})
    assert (status, body) == (200, b"Ok.\n")


@pytest.mark.parametrize(
    ("body", "status", "code", "name"),
    [
        (b"SELECT * FROM nowhere", 404, 60, "UNKNOWN_TABLE"),
        (b"SELEKT 1", 400, 62, "SYNTAX_ERROR"),
        (b"INSERT INTO t (n) FORMAT Native\nnot rows", 500, 33, "CANNOT_READ_ALL_DATA"),
        (b"INSERT INTO t (m) FORMAT Native\n", 500, 16, "NO_SUCH_COLUMN_IN_TABLE"),
        (b"SELECT 1 SETTINGS nonsense = 1", 404, 115, "UNKNOWN_SETTING"),
    ],
)
def test_what_the_engine_refuses_is_refused_as_clickhouse_does(clickhouse, client, body, status, code, name):
    found, head, text = ask(clickhouse, "POST", body)
    assert (found, head["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert text.startswith(f"Code: {code}. DB::Exception: ".encode())
    assert f"({name}) (version ".encode() in text


def test_what_the_transport_refuses_is_refused_as_clickhouse_does(clickhouse):
    assert ask(clickhouse, "POST", b"SELECT 1", database="nowhere")[1]["X-ClickHouse-Exception-Code"] == "81"
    assert ask(clickhouse, "POST", b"SELECT 1", nonsense="1")[1]["X-ClickHouse-Exception-Code"] == "115"
    assert ask(clickhouse, "GET", query="CREATE DATABASE d")[1]["X-ClickHouse-Exception-Code"] == "164"
    assert ask(clickhouse, "POST", b"", {"Content-Encoding": "br"})[0] == 501


@pytest.mark.parametrize("user", [{"username": "sentinel", "password": "wrong"}, {"username": "nobody"}, {}])
def test_a_wrong_user_is_refused(clickhouse, user):
    with pytest.raises(DatabaseError, match="Authentication failed") as caught:
        clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse.port, **user)
    assert caught.value.code == 516


def test_a_user_may_be_named_in_headers(clickhouse):
    named = {"Authorization": "", "X-ClickHouse-User": clickhouse.user, "X-ClickHouse-Key": clickhouse.password}
    assert ask(clickhouse, "POST", b"SELECT 1", named)[2] == b"1\n"
    assert ask(clickhouse, "POST", b"SELECT 1", named | {"X-ClickHouse-Key": ""})[0] == 403


def test_many_clients_are_served_at_once(clickhouse, client):
    def put_some(number: int) -> None:
        with clickhouse.client(dedicated_pool=True) as own:
            put(own, "t", ["n"], [[number]])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put_some, range(32)))
    assert client.command(TOTAL) == sum(range(32))


def test_an_insert_that_its_client_cut_short_is_not_applied(clickhouse, client):
    with socket.create_connection(("127.0.0.1", clickhouse.port)) as connection:
        basic = base64.b64encode(f"{clickhouse.user}:{clickhouse.password}".encode())
        connection.sendall(
            b"POST /?database=%b HTTP/1.1\r\nAuthorization: Basic %b\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"27\r\nINSERT INTO t (n) FORMAT TabSeparated\n1\n\r\n" % (clickhouse.database.encode(), basic)
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert client.command(TOTAL) == 0
