"""What docs/privacy.md says is never kept is nowhere: not in spool, store, its files, log lines, metrics."""

import http.client
import json
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from log.segments import segments
from schema.clickhouse import open_chdb
from tests.support.collectors import SERVERS, RunningCollector
from tests.support.program import Program
from tests.support.store import elsewhere
from tests.support.waiting import wait_for

PEER = "127.0.0.77"  # whom the collector sees
ADDRESSES = [PEER, "203.0.113.77", "198.51.100.77", "192.0.2.77", "2001:db8::77"]
SAID_BY_A_PROXY = {
    "X-Forwarded-For": "203.0.113.77, 198.51.100.77",
    "X-Real-IP": "192.0.2.77",
    "Forwarded": 'for="[2001:db8::77]"',
    "Cookie": "visitor=COOKIE-OF-A-VISITOR",
}
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLW9mLWphbmU"
NEVER = [
    *ADDRESSES, "COOKIE-OF-A-VISITOR", "QUERY-OF-A-VISITOR", "FRAGMENT-OF-A-VISITOR", "PASSWORD-OF-A-VISITOR", JWT,
    "jane@shop.example", "NONCE-OF-A-PAGE", "KEY-OF-A-URL",
]  # fmt: skip
URL = f"https://jane:PASSWORD-OF-A-VISITOR@shop.example/reset/{JWT}/jane@shop.example?q=QUERY-OF-A-VISITOR#FRAGMENT-OF-A-VISITOR"
URLS = dict.fromkeys(("document-uri", "blocked-uri", "referrer", "source-file"), URL)
POLICY = f"script-src 'nonce-NONCE-OF-A-PAGE' {URL.partition('#')[0]}; report-uri /csp?QUERY-OF-A-VISITOR"
SPOKEN = {"effective-directive": "script-src", "original-policy": POLICY, "script-sample": f"go('{URL}')"}
BODIES = [
    json.dumps({"csp-report": URLS | SPOKEN}).encode(),
    json.dumps({"csp-report": SPOKEN | {"document-uri": "https://shop.example/kept", "blocked-uri": URL}}).encode(),
    b'{"csp-report": broken, ' + json.dumps(URLS).encode(),  # not JSON: kept among the rejects
    b"",
]
PATH = "/csp/report/shop?k=KEY-OF-A-URL"
ACCEPTED = b"sentinel_reports_accepted_total 2.0"


def send(port: int, body: bytes, content_type: str = "application/csp-report", path: str = PATH) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(PEER, 0))
    try:
        connection.request("POST", path, body, {"Content-Type": content_type, **SAID_BY_A_PROXY})
        return connection.getresponse().status
    finally:
        connection.close()


def send_broken(port: int, line: bytes, split: int | None = None) -> int:
    """A request with a line that is no header, all at once or in two pieces."""
    headers = {**SAID_BY_A_PROXY, "Authorization": "Basic PASSWORD-OF-A-VISITOR"}
    lines = [f"POST {PATH} HTTP/1.1", "Host: c", *(f"{name}: {value}" for name, value in headers.items())]
    raw = "\r\n".join(lines).encode() + b"\r\n" + line
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(PEER, 0)) as connection:
        for piece in (raw[:split], raw[split:] if split else b""):
            connection.sendall(piece)
            time.sleep(0.2 if split else 0)
        return int(connection.recv(1000).split()[1])


def send_all(port: int) -> list[int]:
    statuses = [send(port, body) for body in BODIES]
    statuses += [send(port, BODIES[0], "multipart/form-data"), send(port, BODIES[0], path="/nowhere")]
    statuses.append(send_broken(port, b"no header\r\n\r\n"))
    in_a_cookie = 70 + len(PATH)
    return [*statuses, send_broken(port, b"no header\r\n\r\n", in_a_cookie)]


def found(data: bytes, words: list[str]) -> list[str]:
    return [word for word in words if word.encode() in data]


@pytest.mark.parametrize("server", SERVERS)
def test_the_spool_holds_no_address_of_a_client(server, tmp_path):
    collector = RunningCollector(server, tmp_path)
    try:
        assert send_all(collector.port) == [204, 204, 400, 400, 415, 404, 400, 400]
        spooled = b"".join(path.read_bytes() for path in segments(collector.spool))
    finally:
        collector.stop()
    assert b"shop.example" in spooled
    assert found(spooled, [*ADDRESSES, "COOKIE-OF-A-VISITOR"]) == []
    assert socket.inet_aton(PEER) not in spooled


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> dict[str, bytes]:
    """What a program leaves that has stored and refused reports: by where it is."""
    folder = tmp_path_factory.mktemp("run")
    with Program(folder, "--workers", "1", "--log-level", "debug", SENTINEL_CLIENT_RATE="1000") as program:
        assert send_all(program.collector_port) == [204, 204, 400, 400, 415, 404, 400, 400]
        ledger = program.settle(5)
        assert ledger["stored"] == 2
        metrics = wait_for("the collector's metrics", lambda: counted(program.where["metrics"]))
        assert program.stop() == 0
        log = program.log().encode()
    assert (program.data_dir / "store").stat().st_mode & 0o077 == 0  # nor can others of this machine look into it
    files = b"".join(path.read_bytes() for path in program.data_dir.rglob("*") if path.is_file())
    return {"metrics": metrics, "log": log, "files": files, "store": elsewhere(everything, program.data_dir / "store")}


def counted(url: str) -> bytes | None:
    """The metrics, once a collector has told what it accepted, which it does once a second."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        metrics = answer.read()
    return metrics if ACCEPTED in metrics else None


def everything(folder: Path) -> bytes:
    """Every row of every table, as JSON."""
    with open_chdb(folder) as engine, engine.client() as client:
        tables = client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'MaterializedView'"
        ).result_columns[0]
        return b"".join(client.raw_query(f"SELECT * FROM `{table}`", fmt="JSONEachRow") for table in tables)


def test_there_is_something_to_look_through(left):
    for words in ("https://shop.example/kept", "{mail}", "{jwt}", "broken"):
        assert words.encode() in left["store"].replace(b"\\/", b"/"), words
    assert ACCEPTED in left["metrics"]
    assert left["log"]


@pytest.mark.parametrize("where", ["store", "files", "log", "metrics"])
def test_nothing_is_kept_of_client_addresses_cookies_queries_fragments_passwords_nonces_and_tokens(left, where):
    assert found(left[where].replace(b"\\/", b"/"), NEVER) == []
