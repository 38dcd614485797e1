"""What floods of connections, clocks, files and signals do to a worker: measured for docs/security.md."""

import contextlib
import signal
import socket
import time
from pathlib import Path

import pytest

from schema.delivery import Kind
from tests.support.collectors import RunningCollector
from tests.support.waiting import wait_for

LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/","blocked-uri":"https://evil.example/x.js"}}'
POST = b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % (b"shop", len(LEGACY)) + LEGACY
SERVERS = ("fast", "granian")


@pytest.fixture(scope="module", params=SERVERS)
def collector(request, tmp_path_factory):
    running = RunningCollector(request.param, tmp_path_factory.mktemp("abuse"), max_connections=3000)
    yield running
    assert running.stop() == 0


def resident(collector: RunningCollector) -> int:
    """MiB."""
    pages = int(Path(f"/proc/{collector.process.pid}/statm").read_text().split()[1])
    return pages * 4096 >> 20


def taken(collector: RunningCollector) -> int:
    return sum(found.kind == Kind.REPORTS for found in collector.deliveries())


def test_reports_get_in_beside_a_thousand_connections_that_stop_in_the_middle(collector):
    before, reports = resident(collector), taken(collector)
    with contextlib.ExitStack() as held:
        for number in range(1000):
            half = held.enter_context(socket.create_connection(("127.0.0.1", collector.port), timeout=20))
            half.sendall(POST[: 20 + number % 130])
        assert [collector.post(LEGACY).status for _ in range(20)] == [204] * 20
        assert resident(collector) - before < 60
    wait_for("all are taken", lambda: taken(collector) == reports + 20)


def test_a_worker_that_is_stopped_and_goes_on_answers_who_waited(collector):
    reports = taken(collector)
    collector.process.send_signal(signal.SIGSTOP)
    try:
        waiting = [socket.create_connection(("127.0.0.1", collector.port), timeout=30) for _ in range(50)]
        for client in waiting:
            client.sendall(POST)
    finally:
        collector.process.send_signal(signal.SIGCONT)
    for client in waiting:
        assert client.recv(1000).startswith(b"HTTP/1.1 204 ")
        client.close()
    assert taken(collector) == reports + 50


@pytest.mark.parametrize("server", SERVERS)
def test_with_few_file_descriptors_a_worker_takes_fewer_connections_and_goes_on(server, tmp_path):
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))"
    collector = RunningCollector(server, tmp_path, few)
    held = [socket.create_connection(("127.0.0.1", collector.port), timeout=20) for _ in range(120)]
    time.sleep(2.5)  # the worker looks after its spool meanwhile
    assert collector.process.poll() is None
    answered = sum(_is_answered(client) for client in held)
    assert answered >= 1
    for client in held:
        client.close()
    wait_for("it has answered", lambda: _answers(collector))
    assert collector.process.poll() is None
    assert taken(collector) >= answered + 1  # granian also takes what those sent that waited till the end
    assert collector.stop() == 0


def _is_answered(client: socket.socket) -> bool:
    """With a 204, at once; else it waits, or got a 503 and is closed."""
    client.settimeout(0.2)
    try:
        client.sendall(POST)
        return client.recv(1000).startswith(b"HTTP/1.1 204 ")
    except OSError:
        return False


def _answers(collector: RunningCollector) -> bool:
    try:
        return collector.post(LEGACY).status == 204
    except OSError:
        return False


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("by", [-30 * 86400, 400 * 86400])
def test_a_clock_that_jumps_loses_no_report_and_opens_no_limit(server, tmp_path, by):
    """From the tenth look at the clock on, in all that the worker does."""
    jump = (
        "import time; real, looks = time.time, iter(range(10**9))\n"
        f"time.time = lambda: real() + ({by} if next(looks) > 9 else 0)"
    )
    (tmp_path / "sites.toml").write_text("[sites.shop]\n[sites.blog]\nrate_limit = 0.01\nburst = 20\n")
    collector = RunningCollector(server, tmp_path, jump, sites=str(tmp_path / "sites.toml"))
    assert {collector.post(LEGACY, f"/csp/report/{site}").status for site in ["shop", "blog"] * 30} == {204}
    found = collector.deliveries()
    assert sum(its.site == "shop" for its in found) == 30
    assert sum(its.site == "blog" and its.kind == Kind.REPORTS for its in found) == 20
    assert collector.stop() == 0


@pytest.mark.parametrize("server", SERVERS)
def test_one_client_that_floods_one_site_leaves_room_for_another_site(server, tmp_path):
    """A spool that nobody reads: without the limit, the flood would fill it, and the other site be answered 503."""
    (tmp_path / "sites.toml").write_text("[sites.shop]\nrate_limit = 0.001\nburst = 100\n[sites.blog]\n")
    collector = RunningCollector(
        server, tmp_path, sites=str(tmp_path / "sites.toml"), spool_max_bytes=256 << 10, max_body_bytes=8 << 10
    )
    flood = LEGACY + b" " * 1500
    post = b"POST /csp/report/shop HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(flood) + flood
    for _ in range(10):
        assert collector.raw(post * 100, answers=100).count(b"HTTP/1.1 204 ") == 100
        assert collector.post(LEGACY, "/csp/report/blog").status == 204
    found = collector.deliveries()
    assert sum(its.count for its in found if its.site == "shop") == 1000
    assert sum(its.kind == Kind.REPORTS for its in found if its.site == "shop") == 100
    assert sum(its.site == "blog" for its in found) == 10
    assert collector.stop() == 0


@pytest.mark.parametrize("server", SERVERS)
def test_a_body_that_trickles_is_ended_and_counted(server, tmp_path):
    short = "import ingest.connection as c, ingest.rsgi as r; c.REQUEST_SECONDS = r.REQUEST_SECONDS = 1"
    collector = RunningCollector(server, tmp_path, short)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as slow:
        slow.sendall(POST[:-5])
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")
    wait_for(
        "it is closed", lambda: [found.detail for found in collector.deliveries()] == ["incomplete"]
    )  # once it is closed
    assert collector.stop() == 0
