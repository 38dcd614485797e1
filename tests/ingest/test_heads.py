"""The fast edge knows heads again and answers a turn's reports together: nothing of it may show but the speed."""

import re
import signal
import socket
import time

import pytest

from ingest.collector import Collector
from ingest.heads import Head, Heads
from ingest.spool import Spool
from ingest.told import Told
from log.frame import HEADER, split
from log.segments import SegmentWriter, segments
from schema import delivery
from schema.delivery import Kind
from schema.reasons import Reason
from schema.sites import Sites
from tests.support.collectors import RunningCollector

SITES = "[sites.shop]\n"


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    running = RunningCollector("fast", tmp_path_factory.mktemp("heads"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def site(request):
    return "s-" + re.sub("[^a-z0-9]", "", request.node.name)[-50:]


def body(number: int, length: int = 80) -> bytes:
    return b'{"csp-report":{"document-uri":"https://a.example/%d"}}'.ljust(length + 2) % number


def post(site: str, its: bytes, *lines: bytes, version: bytes = b"1.1") -> bytes:
    head = [b"POST /csp/report/%b HTTP/%b" % (site.encode(), version), b"Host: c", *lines]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(its), b"", its])


def preflight(site: str) -> bytes:
    return b"OPTIONS /csp/report/%b HTTP/1.1\r\nHost: c\r\nOrigin: https://a.example\r\n\r\n" % site.encode()


def connect(collector: RunningCollector) -> socket.socket:
    return socket.create_connection(("127.0.0.1", collector.port), timeout=6)


def answers(client: socket.socket, number: int) -> list[bytes]:
    """So many answers' heads; only errors have bodies."""
    came = b""
    while came.count(b"HTTP/1.1 ") < number or not came.endswith((b"\r\n\r\n", b"}")):
        chunk = client.recv(65536)
        if not chunk:
            break
        came += chunk
    return re.findall(rb"HTTP/1\.1 (\d+)", came)


def kept(collector: RunningCollector, site: str) -> list[bytes]:
    return [found.body for found in collector.deliveries() if found.site == site and found.kind == Kind.REPORTS]


def test_each_of_many_reports_under_the_same_head_is_kept_as_sent(collector, site):
    bodies = [body(number) for number in range(50)]
    with connect(collector) as client:
        for its in bodies:
            client.sendall(post(site, its))
            assert answers(client, 1) == [b"204"]
    assert kept(collector, site) == bodies


def test_pipelined_requests_are_answered_in_their_order(collector, site):
    sent = [post(site, body(0)), preflight(site), post(site, b"no json"), b"GET /nothing HTTP/1.1\r\nHost: c\r\n\r\n"]
    for _ in range(3):  # the second and third time the heads are known
        with connect(collector) as client:
            for request in sent[:3]:
                client.sendall(request)
                answers(client, 1)
            client.sendall(b"".join(sent * 5))
            assert answers(client, 20) == [b"204", b"204", b"400", b"404"] * 5
    assert kept(collector, site) == [body(0)] * 18


def test_a_thousand_reports_in_one_go_are_all_kept_and_answered(collector, site):
    with connect(collector) as client:
        client.sendall(b"".join(post(site, body(number)) for number in range(1000)))
        assert answers(client, 1000) == [b"204"] * 1000
    assert kept(collector, site) == [body(number) for number in range(1000)]


def test_a_known_request_cut_at_any_byte_is_put_together(collector, site):
    request = post(site, body(7))
    with connect(collector) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(len(request)):
            client.sendall(request[:cut])
            time.sleep(0.001)
            client.sendall(request[cut:])
            assert answers(client, 1) == [b"204"], cut
    assert kept(collector, site) == [body(7)] * len(request)


def test_more_than_the_known_head_declares_is_the_next_request(collector, site):
    request = post(site, body(1))
    with connect(collector) as client:
        client.sendall(request)
        assert answers(client, 1) == [b"204"]
        client.sendall(request + b"GARBAGE\r\n\r\n")
        assert answers(client, 2) == [b"204", b"400"]
        assert client.recv(1000) == b""
    assert kept(collector, site) == [body(1)] * 2


def test_a_head_that_changes_on_a_connection_is_read_anew(collector, site):
    with connect(collector) as client:
        for agent in (b"one", b"two", b"one", b"three"):
            client.sendall(post(site, body(1), b"User-Agent: " + agent))
            assert answers(client, 1) == [b"204"]
    agents = [found.user_agent for found in collector.deliveries() if found.site == site]
    assert agents == [b"one", b"two", b"one", b"three"]


def test_chunks_under_the_same_head_are_read_as_chunks(collector, site):
    head = b"POST /csp/report/%b HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" % site.encode()
    with connect(collector) as client:
        for number in range(4):
            its = body(number, 60 + number)
            client.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(its), its))
            assert answers(client, 1) == [b"204"]
    assert kept(collector, site) == [body(number, 60 + number) for number in range(4)]


def test_zeros_before_the_sizes_of_chunks_are_not_read_without_end(collector, site):
    """`granian` reads them until the time for a request is over."""
    head = b"POST /csp/report/%b HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" % site.encode()
    with connect(collector) as client:
        client.sendall(head + (b"0" * 60_000 + b"1\r\n{\r\n") * 4)
        assert answers(client, 1) == [b"431"]


def test_what_only_ends_like_a_head_is_none(collector, site):
    """A read is known as a whole only where it is one head: not two, and not a report with line breaks at its end."""
    broken = body(2) + b"\r\n\r\n"
    with connect(collector) as client:
        for _ in range(3):
            client.sendall(preflight(site) * 2)
            assert answers(client, 2) == [b"204"] * 2
            client.sendall(post(site, broken))
            assert answers(client, 1) == [b"204"]
            client.sendall(preflight(site) + post(site, broken))
            assert answers(client, 2) == [b"204"] * 2
    assert kept(collector, site) == [broken] * 6


def test_who_expects_100_continue_gets_it_each_time(collector, site):
    request = post(site, body(1), b"Expect: 100-continue")
    with connect(collector) as client:
        for _ in range(3):
            client.sendall(request)
            assert answers(client, 2) == [b"100", b"204"]


@pytest.mark.parametrize("request_of", [
    lambda site: post(site, body(1), b"Connection: close"),
    lambda site: post(site, body(1), version=b"1.0"),
])  # fmt: skip
def test_the_last_request_of_a_connection_is_answered_so_and_nothing_after_it_is_taken(collector, site, request_of):
    for times in (1, 2, 3):
        with connect(collector) as client:
            client.sendall(request_of(site))
            came = client.recv(1000)
            assert came.startswith(b"HTTP/1.1 204 ")
            assert b"\r\nconnection: close\r\n" in came
            assert client.recv(1000) == b""
        with connect(collector) as client:
            client.sendall(request_of(site) + post(site, body(2)))
            assert answers(client, 2) == [b"204"]
        assert kept(collector, site) == [body(1)] * 2 * times


def test_a_client_that_closes_its_half_still_gets_the_answers(collector, site):
    for _ in range(3):
        with connect(collector) as client:
            client.sendall(post(site, body(1)))
            client.shutdown(socket.SHUT_WR)
            assert answers(client, 1) == [b"204"]
            assert client.recv(1000) == b""
    assert len(kept(collector, site)) == 3


def test_what_is_refused_under_a_known_head_is_refused_each_time(collector, site):
    wrong = post(site, body(1), b"Content-Type: multipart/form-data")
    for request, status in ((wrong, b"415"), (post(site, b"[1,2,3]"), b"400"), (post("Bad", body(1)), b"404")):
        with connect(collector) as client:
            for _ in range(3):
                client.sendall(request)
                assert answers(client, 1) == [status]


def test_a_known_head_is_judged_by_the_sites_of_now(tmp_path):
    (tmp_path / "sites.toml").write_text(SITES)
    collector = RunningCollector("fast", tmp_path, sites=str(tmp_path / "sites.toml"))
    with connect(collector) as client:
        for sites, status in ((SITES, b"204"), ("[sites.other]\n", b"404"), (SITES, b"204")):
            (tmp_path / "sites.toml").write_text(sites)
            collector.process.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            client.sendall(post("shop", body(1)))
            assert answers(client, 1) == [status]
    assert collector.stop() == 0


def test_after_known_requests_a_slow_one_is_ended_all_the_same(tmp_path):
    short = "import ingest.connection as e; e.REQUEST_SECONDS = e.IDLE_SECONDS = 1"
    collector = RunningCollector("fast", tmp_path, short)
    with connect(collector) as client:
        for _ in range(3):
            client.sendall(post("shop", body(1)))
            assert answers(client, 1) == [b"204"]
        client.sendall(post("shop", body(1))[:-1])
        assert answers(client, 1) == [b"408"]
        assert client.recv(1000) == b""
    with connect(collector) as client:
        for _ in range(3):
            client.sendall(post("shop", body(1)))
            assert answers(client, 1) == [b"204"]
        assert client.recv(1000) == b""
    assert collector.stop() == 0


SAID = Head(True, 0, True, Told("shop"))


def head(number: int, length: int = 100) -> bytes:
    return (b"POST /csp/report HTTP/1.1\r\nX: %d" % number).ljust(length - 4, b"x") + b"\r\n\r\n"


def test_heads_are_remembered_up_to_a_bound_and_those_in_use_stay():
    heads = Heads()
    heads.remember(head(0), SAID)
    for number in range(1, 20_000):
        heads.remember(head(number), SAID)
        assert heads.find(head(0)) is SAID
    assert sum(heads.find(head(number)) is not None for number in range(20_000)) < 5000


@pytest.mark.parametrize("its", [head(1, 3000), head(1).replace(b"\r\nX", b"\nX")])
def test_huge_heads_and_bare_line_feeds_are_not_remembered(its):
    heads = Heads()
    heads.remember(its, SAID)
    assert heads.find(its) is None


@pytest.mark.parametrize("hold", [True, False])
def test_of_reports_that_come_together_those_are_taken_that_fit(tmp_path, hold):
    writer = SegmentWriter(tmp_path, 4096)
    collector = Collector(Spool(writer, hold=hold), Sites(), 1000)
    posts = [(body(number, 500), Told("shop")) for number in range(20)]
    posts[3] = (b"no json", Told("shop"))
    others = collector.accept_all(posts)
    collector.spool.flush()
    busy = [position for position, answer in others.items() if answer.status == 503]
    taken = [number for number in range(20) if number not in others]
    assert others[3].status == 400
    assert len(taken) + len(busy) == 19
    assert taken
    assert busy
    found = [
        delivery.decode(record)
        for path in segments(tmp_path)
        for record in split(path.read_bytes()[len(HEADER) :], final=True).records
    ]
    assert [its.body for its in found if its.kind == Kind.REPORTS] == [posts[number][0] for number in taken]
    assert [its.detail for its in found if its.kind == Kind.REFUSAL] == [Reason.NOT_JSON]
    writer.close()
