"""The ClickHouse that the tests run against does wrong what it is told to, and can be stopped in every way."""

import contextlib
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from schema.migrate import migrate
from tests.support.certificate import make_certificate
from tests.support.clickhouse_faults import Counts
from tests.support.clickhouse_http import ROOT, ClickHouseServer
from tests.support.store import insert, put, violation

ROWS = [violation(1, reports=3), violation(2, reports=4)]
ONCE = {"insert_deduplication_token": "a"}
TOTAL = "SELECT sum(n) FROM t"


def test_an_insert_is_refused_with_the_number_asked_for_as_often_as_asked_for(clickhouse, client):
    clickhouse.refuse(252, times=2)
    for _ in range(2):
        with pytest.raises(DatabaseError, match="TOO_MANY_PARTS") as caught:
            put(client, "t", ["n"], [[1]])
        assert caught.value.code == 252
    put(client, "t", ["n"], [[1]])
    assert client.command(TOTAL) == 1
    assert clickhouse.counts()["t"] == Counts(received=3, applied=1, refused=2)


def test_a_fault_may_be_for_one_table(clickhouse, client):
    client.command("CREATE TABLE other (n UInt64) ENGINE = Memory")
    clickhouse.refuse(242, times=None, only="other")
    put(client, "t", ["n"], [[1]])
    with pytest.raises(DatabaseError, match="TABLE_IS_READ_ONLY"):
        put(client, "other", ["n"], [[1]])
    clickhouse.heal()
    put(client, "other", ["n"], [[1]])


def test_a_fault_may_be_for_every_statement(clickhouse, client):
    clickhouse.refuse(202, "Enough. (TOO_MANY_SIMULTANEOUS_QUERIES)", inserts_only=False)
    with pytest.raises(DatabaseError, match="Enough"):
        client.command(TOTAL)


def test_an_applied_insert_may_go_unanswered_and_its_repeat_counts_once(clickhouse, client):
    clickhouse.cut_after_applying(times=2)  # the client tries twice by itself
    with pytest.raises(OperationalError):
        put(client, "t", ["n"], [[1]], ONCE)
    assert client.command(TOTAL) == 1
    put(client, "t", ["n"], [[1]], ONCE)
    assert client.command(TOTAL) == 1
    assert clickhouse.counts()["t"] == Counts(received=3, applied=3, cut=2)


def test_an_insert_may_be_cut_before_it_is_applied(clickhouse, client):
    clickhouse.cut_before_applying(times=2)
    with pytest.raises(OperationalError):
        put(client, "t", ["n"], [[1]])
    assert client.command(TOTAL) == 0
    assert clickhouse.counts()["t"] == Counts(received=2, cut=2)


def test_an_applied_insert_may_never_be_answered(clickhouse, client):
    clickhouse.hang_after_applying()
    with clickhouse.client(send_receive_timeout=2) as hasty, pytest.raises(OperationalError, match="timed out"):
        put(hasty, "t", ["n"], [[1]])
    assert client.command(TOTAL) == 1
    assert clickhouse.counts()["t"] == Counts(received=1, applied=1, hung=1)


def test_a_slow_insert_is_applied_after_its_client_gave_up_and_tried_again(clickhouse, client):
    clickhouse.be_slow(4, times=1)
    with clickhouse.client(send_receive_timeout=2) as hasty, pytest.raises(OperationalError, match="timed out"):
        put(hasty, "t", ["n"], [[1]], ONCE)
    assert client.command(TOTAL) == 0
    put(client, "t", ["n"], [[1]], ONCE)
    ends = time.monotonic() + 30
    while clickhouse.counts()["t"] != Counts(received=2, applied=2, slowed=1):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert client.command(TOTAL) == 1


def test_faults_may_come_by_chance(clickhouse, client):
    clickhouse.random_faults(0.8, ["refuse", "cut_before"])
    for number in range(30):
        with contextlib.suppress(DatabaseError):
            put(client, "t", ["n"], [[number]])
    counts = clickhouse.counts()["t"]
    assert counts.refused
    assert counts.cut
    stored = client.query("SELECT count() FROM t").result_rows[0][0]
    assert counts.applied == stored == counts.received - counts.refused - counts.cut


def test_a_killed_server_comes_back_with_what_it_had_and_knows_a_repeat(tmp_path: Path):
    with ClickHouseServer(tmp_path) as server, server.client() as client:
        migrate(client, 90)
        insert(client, ROWS, token="a")
        server.kill()
        assert not client.ping()
        server.start()
        insert(client, ROWS, token="a")
        assert client.query("SELECT sum(reports) FROM minutes").result_rows == [(7,)]
        server.freeze()
        assert not client.ping(timeout=0.5)
        server.thaw()
        assert client.ping()


def test_it_stops_after_the_statements_under_way(tmp_path: Path):
    with ClickHouseServer(tmp_path) as server, server.client() as client, ThreadPoolExecutor() as pool:
        asked = pool.submit(
            client.command, "SELECT sum(sleepEachRow(0.1)) FROM numbers(20) SETTINGS max_block_size = 1"
        )
        time.sleep(0.3)
        server.stop()
        assert server.process.returncode == 0
        assert asked.exception() or asked.result() == 0


def test_it_speaks_tls(tmp_path: Path):
    certificate = make_certificate(tmp_path)
    with ClickHouseServer(tmp_path / "store", certificate=certificate) as server:
        assert server.url == f"clickhouses://default:@127.0.0.1:{server.port}/default"
        silent = socket.create_connection(("127.0.0.1", server.port))
        with silent, server.client() as client:
            assert client.command("SELECT 1") == 1
        with pytest.raises(OperationalError, match="certificate verify failed"):
            clickhouse_connect.get_client(interface="https", host="127.0.0.1", port=server.port)


def test_it_does_not_outlive_its_tests(tmp_path: Path):
    code = (
        "import os, pathlib, sys; from tests.support.clickhouse_http import ClickHouseServer\n"
        "server = ClickHouseServer(pathlib.Path(sys.argv[1])); server.freeze()\n"
        "print(server.process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE) as tests:
        server = Path(f"/proc/{int(tests.communicate(timeout=60)[0])}")
    ends = time.monotonic() + 10
    while server.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    assert not server.exists()
