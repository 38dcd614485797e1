"""With durability `log` a 204 means that Kafka has it; with `disk`, that it will."""

import contextlib
import re
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from log.places import KafkaPlace
from schema.delivery import Kind
from tests.support.collectors import RunningCollector
from tests.support.kafka.cluster import Cluster
from tests.support.topics import deliveries, new_place

CONFIRM_SECONDS, LATE_SECONDS = 1.0, 2.0
# The options come as JSON, and a test does not wait for ten seconds.
FIRST = f"""
import ingest.spool, ingest.worker, log.shipper
from log.places import KafkaPlace
ingest.spool.CONFIRM_SECONDS, log.shipper._LATE_SECONDS = {CONFIRM_SECONDS}, {LATE_SECONDS}
def with_kafka(kafka, plain=ingest.worker.Options, **others):
    return plain(kafka=KafkaPlace(brokers=(kafka["broker"],), topic=kafka["topic"]), **others)
ingest.worker.Options = with_kafka
"""
Start = Callable[..., RunningCollector]


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 4)


@pytest.fixture(params=["fast", "granian"])
def start(request, tmp_path, place) -> Iterator[Start]:
    running: list[RunningCollector] = []

    def make(**changed: object) -> RunningCollector:
        options = {"durability": "log", "kafka": {"broker": place.brokers[0], "topic": place.topic}} | changed
        running.append(RunningCollector(request.param, tmp_path, FIRST, **options))
        return running[-1]

    yield make
    for collector in running:
        if collector.process.poll() is None:
            collector.stop(signal.SIGKILL)


def body(number: int) -> bytes:
    return b'{"csp-report":{"document-uri":"https://shop.example/%d","blocked-uri":"inline"}}' % number


def ready(collector: RunningCollector) -> RunningCollector:
    ends = time.monotonic() + 20
    while collector.request("GET", "/ready").status != 200:
        assert time.monotonic() < ends
        time.sleep(0.05)
    return collector


def in_kafka(place: KafkaPlace) -> Counter[bytes]:
    """Of the reports."""
    return Counter(found.body for found in deliveries(place) if found.kind == Kind.REPORTS)


@contextlib.contextmanager
def frozen(kafka: Cluster) -> Iterator[None]:
    kafka.freeze(1)
    try:
        yield
    finally:
        kafka.thaw(1)


def test_what_was_answered_204_is_in_kafka(start, place):
    collector = ready(start())
    for number in range(3):
        answer = collector.post(body(number))
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert body(number) in in_kafka(place)


def test_a_killed_collector_and_its_disk_lost_cost_nothing_that_was_answered(start, place, tmp_path):
    collector = ready(start())
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: collector.post(body(number)).status, range(200)))
    collector.stop(signal.SIGKILL)
    shutil.rmtree(tmp_path / "spool")
    assert set(answers) == {204}
    assert in_kafka(place) == Counter(map(body, range(200)))


def test_while_kafka_does_not_acknowledge_it_is_503_and_what_was_taken_counts_once_all_the_same(kafka, start, place):
    collector = ready(start())
    assert collector.post(body(0)).status == 204
    with frozen(kafka):
        began = time.monotonic()
        answer = collector.post(body(1))
        assert answer.status == 503
        assert b"it may be counted all the same" in answer.body
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["access-control-allow-origin"] == "*"
        assert CONFIRM_SECONDS <= time.monotonic() - began < CONFIRM_SECONDS + 5
    ready(collector)
    assert collector.post(body(2)).status == 204
    assert in_kafka(place) == Counter(map(body, range(3)))


def test_once_kafka_is_known_to_be_away_it_is_503_at_once_and_nothing_is_kept(kafka, start, place):
    collector = ready(start())
    with frozen(kafka):
        collector.post(body(0))
        while collector.request("GET", "/ready").status == 200:
            time.sleep(0.05)
        began = time.monotonic()
        answer = collector.post(body(1))
        assert answer.status == 503
        assert b"can take no more now" in answer.body
        assert time.monotonic() - began < CONFIRM_SECONDS
        assert collector.request("GET", "/health").status == 200
    ready(collector)
    assert collector.post(body(2)).status == 204
    assert in_kafka(place) == Counter(map(body, (0, 2)))


def test_what_is_no_report_is_answered_without_waiting_for_kafka(kafka, start):
    collector = ready(start())
    with frozen(kafka):
        began = time.monotonic()
        assert collector.post(b"no json").status == 400
        assert collector.post(body(0), content_type="multipart/form-data").status == 415
        assert collector.post(b"x" * (300 << 10)).status == 413
        assert collector.request("OPTIONS", "/csp/report").status == 204
        assert collector.request("GET", "/csp/report").status == 405
        assert time.monotonic() - began < CONFIRM_SECONDS


def test_before_kafka_has_answered_for_the_first_time_nothing_is_taken(start, place):
    collector = start(kafka={"broker": "127.0.0.1:1", "topic": place.topic})
    assert collector.request("GET", "/ready").status == 503
    assert collector.request("GET", "/health").status == 200
    assert collector.post(body(0)).status == 503


def test_requests_of_one_connection_are_answered_in_their_order(start, place):
    collector = ready(start())
    one, two = body(1), b"no json"
    posts = [
        b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%b" % (len(its), its) for its in (one, two)
    ]
    came = collector.raw(b"".join(posts) + b"OPTIONS /csp/report HTTP/1.1\r\nHost: c\r\n\r\n", answers=3)
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", came)
    assert statuses == [b"204", b"400", b"204"]
    assert in_kafka(place) == Counter([one])


def test_clients_that_leave_before_kafka_has_answered_cost_nothing(kafka, start, place):
    collector = ready(start())
    request = b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n"
    with frozen(kafka):
        for number in range(20):
            with socket.create_connection(("127.0.0.1", collector.port)) as client:
                client.sendall(request % len(body(number)) + body(number))
                time.sleep(0.02)
    ready(collector)
    assert collector.post(body(20)).status == 204
    found = in_kafka(place)
    assert found[body(20)] == 1
    assert set(found.values()) == {1}


def test_a_request_that_waits_when_the_collector_stops_is_answered_and_kept(kafka, start, place):
    collector = ready(start())
    answers: list[int] = []
    with frozen(kafka):
        waiting = threading.Thread(target=lambda: answers.append(collector.post(body(0)).status))
        waiting.start()
        time.sleep(0.3)
        collector.process.send_signal(signal.SIGTERM)
        waiting.join(10)
        assert answers == [503]
    assert collector.process.wait(30) == 0
    collector.process.stdout.close()
    again = ready(start())
    assert again.post(body(1)).status == 204
    assert in_kafka(place) == Counter(map(body, range(2)))


def test_with_durability_disk_kafka_may_be_away_and_everything_is_shipped_when_it_is_back(kafka, start, place):
    collector = start(durability="disk")
    with frozen(kafka):
        answers = [collector.post(body(number)).status for number in range(100)]
        assert set(answers) == {204}
        assert collector.request("GET", "/ready").status == 200
    assert collector.stop() == 0
    ends = time.monotonic() + 20
    again = start(durability="disk")
    while in_kafka(place) != Counter(map(body, range(100))):
        assert time.monotonic() < ends
        time.sleep(0.2)
    assert again.stop() == 0
