"""What the collector does at its limits, and what a site's entry in the sites file changes."""

import contextlib
import json
import signal
import socket
import time

import pytest

from schema.delivery import Kind
from schema.reasons import Reason
from tests.support.collectors import SERVERS, RunningCollector
from tests.support.waiting import wait_for

LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/","blocked-uri":"https://evil.example/x.js"}}'
SITES = """
[sites.shop]
hosts = ["shop.example"]
[sites.old]
gone = true
"""


@pytest.fixture(params=SERVERS)
def start(request, tmp_path):
    running = []

    def make(**changed: object) -> RunningCollector:
        running.append(RunningCollector(request.param, tmp_path, **changed))
        return running[-1]

    yield make
    for collector in running:
        if collector.process.poll() is None:
            collector.stop(signal.SIGKILL)


def test_a_full_spool_gives_503_with_retry_after_and_never_a_crash(start):
    collector = start(spool_max_bytes=4096)
    answers = [collector.post(LEGACY) for _ in range(60)]
    taken = [answer for answer in answers if answer.status == 204]
    busy = [answer for answer in answers if answer.status == 503]
    assert len(taken) + len(busy) == 60
    assert taken
    assert busy
    assert int(busy[0].headers["retry-after"]) > 0
    assert len(collector.deliveries()) == len(taken)


def test_when_the_spool_has_room_again_reports_are_taken_and_those_turned_away_are_written_down(start, tmp_path):
    collector = start(spool_max_bytes=64 << 10)
    filler = tmp_path / "spool" / "0" / "00000000000000000001.seg"  # as a reader that is behind leaves it
    filler.write_bytes(bytes(63 << 10))
    time.sleep(1.5)  # the writer looks once a second
    statuses = [collector.post(LEGACY).status for _ in range(10)]
    filler.unlink()
    time.sleep(0.2)  # it does not look at every refusal
    assert collector.post(LEGACY).status == 204
    time.sleep(1.5)
    busy = [found.count for found in collector.deliveries() if found.detail == Reason.BUSY]
    assert sum(busy) == statuses.count(503) > 0


def test_readiness_tells_that_the_spool_is_full(start):
    collector = start(spool_max_bytes=64 << 10)
    assert collector.request("GET", "/ready").status == 200
    while collector.post(LEGACY).status == 204:
        pass
    ends = time.monotonic() + 5
    while collector.request("GET", "/ready").status == 200 and time.monotonic() < ends:
        time.sleep(0.1)
    assert collector.request("GET", "/ready").status == 503
    assert collector.request("GET", "/health").status == 200


def test_sites_of_the_file_are_known_others_are_404_and_a_gone_one_is_only_counted(start, tmp_path):
    (tmp_path / "sites.toml").write_text(SITES)
    collector = start(sites=str(tmp_path / "sites.toml"))
    assert collector.post(LEGACY, "/csp/report/shop").status == 204
    assert collector.post(LEGACY, "/csp/report/other").status == 404
    assert collector.post(LEGACY).status == 404
    assert collector.post(LEGACY, "/csp/report/old").status == 204
    assert collector.post(LEGACY + b" " * (256 << 10), "/csp/report/old").status == 204
    assert [(found.site, found.kind, found.detail) for found in collector.deliveries()] == [
        ("shop", Kind.REPORTS, ""),
        ("", Kind.REFUSAL, Reason.UNKNOWN_SITE),
        ("", Kind.REFUSAL, Reason.UNKNOWN_SITE),
        ("old", Kind.REFUSAL, Reason.GONE),
        ("old", Kind.REFUSAL, Reason.GONE),
    ]


def test_kill_9_loses_nothing_that_was_answered(start):
    collector = start()
    for number in range(50):
        body = json.dumps({"csp-report": {"document-uri": f"https://a.example/{number}"}}).encode()
        assert collector.post(body).status == 204
    collector.stop(signal.SIGKILL)
    assert len(collector.deliveries()) == 50


@pytest.mark.parametrize("server", ["fast", "granian"])
def test_memory_durability_writes_within_the_linger_and_when_it_stops(server, tmp_path):
    collector = RunningCollector(server, tmp_path, durability="memory")
    assert collector.post(LEGACY).status == 204
    time.sleep(0.5)
    assert len(collector.deliveries()) == 1
    assert collector.post(LEGACY).status == 204
    assert collector.stop() == 0
    assert len(collector.deliveries()) == 2


@pytest.mark.parametrize("server", ["fast", "granian"])
def test_a_request_under_way_when_the_worker_stops_is_answered(server, tmp_path):
    collector = RunningCollector(server, tmp_path)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=5) as connection:
        connection.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(LEGACY))
        connection.sendall(LEGACY[:20])
        time.sleep(0.3)
        collector.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(LEGACY[20:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
    assert collector.process.wait(10) == 0
    collector.process.stdout.close()
    assert len(collector.deliveries()) == 1


@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
@pytest.mark.parametrize("server", ["fast", "granian"])  # uvicorn's own protocol leaves such a body unread
def test_an_offer_to_upgrade_is_ignored_and_the_report_taken(server, tmp_path, offer):
    collector = RunningCollector(server, tmp_path)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=5) as connection:
        connection.sendall(
            b"POST /csp/report HTTP/1.1\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: %s\r\nContent-Length: %d\r\n\r\n"
            % (offer, len(LEGACY))
            + LEGACY[:9]
        )
        time.sleep(0.05)
        connection.sendall(LEGACY[9:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
    assert [found.body for found in collector.deliveries()] == [LEGACY]
    assert collector.stop() == 0


def test_memory_durability_refuses_what_it_could_not_write_and_loses_nothing_it_took(tmp_path):
    collector = RunningCollector("fast", tmp_path, durability="memory", spool_max_bytes=16 << 10)
    statuses = [collector.post(LEGACY + b" " * 500).status for _ in range(60)]
    assert set(statuses) == {204, 503}
    assert collector.stop() == 0
    assert len([found for found in collector.deliveries() if found.kind == Kind.REPORTS]) == statuses.count(204)


def test_bodies_that_do_not_end_are_held_up_to_a_bound_and_whole_ones_are_taken_meanwhile(tmp_path):
    collector = RunningCollector("fast", tmp_path, "import ingest.edge as e; e.MOST_UNFINISHED = 1 << 20")
    head = b"POST /csp/report/%d HTTP/1.1\r\nHost: c\r\nContent-Length: 250000\r\n\r\n"
    held = [socket.create_connection(("127.0.0.1", collector.port), timeout=5) for _ in range(20)]
    for number, connection in enumerate(held):
        connection.sendall(head % number + b" " * 200_000)
    assert collector.post(LEGACY).status == 204
    whole = LEGACY + b" " * (250_000 - len(LEGACY))
    split = collector.post(whole).status  # 204 if it came in one piece
    assert split in {204, 503}
    answers = []
    for connection in held:
        connection.sendall(b" " * 49_999 + b"x")
        answers.append(int(connection.recv(1000)[9:12]))
        connection.close()
    assert set(answers) == {400, 503}
    assert answers.count(400) <= 5
    assert collector.post(whole).status == 204
    time.sleep(1.5)
    busy = sum(found.count for found in collector.deliveries() if found.detail == Reason.BUSY)
    assert busy == [split, *answers].count(503)
    assert collector.stop() == 0


@pytest.mark.parametrize(("server", "path"), [("fast", "%63sp/report"), ("asgi", "csp/report")])
def test_the_ordinary_way_holds_no_more_of_bodies_than_that(server, path, tmp_path):
    collector = RunningCollector(server, tmp_path, "import ingest.asgi as a; a.MOST_UNFINISHED = 1 << 20")
    head = b"POST /%s HTTP/1.1\r\nHost: c\r\nContent-Length: 262144\r\n\r\n" % path.encode()
    with contextlib.ExitStack() as held:
        for _ in range(20):
            client = held.enter_context(socket.create_connection(("127.0.0.1", collector.port), timeout=5))
            client.sendall(head + b" " * 200_000)
        wait_for("those over it are refused", lambda: refused(collector) >= 14)
    assert collector.request("POST", f"/{path}", LEGACY + b" " * (250_000 - len(LEGACY))).status == 204
    collector.stop()


def test_granian_holds_no_more_of_bodies_than_that(tmp_path):
    collector = RunningCollector("granian", tmp_path, "import ingest.rsgi as r; r.MOST_UNFINISHED = 1 << 20")
    head = b"POST /csp/report/%d HTTP/1.1\r\nHost: c\r\nContent-Length: 262144\r\n\r\n"
    with contextlib.ExitStack() as held:
        clients = [
            held.enter_context(socket.create_connection(("127.0.0.1", collector.port), timeout=5)) for _ in range(20)
        ]
        for number, client in enumerate(clients):
            client.sendall(head % number)
        time.sleep(0.5)
        assert collector.post(LEGACY).status == 204  # what is only declared takes nobody's place
        for client in clients:
            with contextlib.suppress(ConnectionError):  # answered and closed
                client.sendall(b" " * 200_000)
        assert collector.post(LEGACY).status == 204
        wait_for("those over it are refused", lambda: refused(collector) >= 14)
    assert collector.post(LEGACY + b" " * (250_000 - len(LEGACY))).status == 204
    assert collector.stop() == 0


def refused(collector: RunningCollector) -> int:
    return sum(found.count for found in collector.deliveries() if found.detail == Reason.BUSY)
