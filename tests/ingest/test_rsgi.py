"""granian: small reports are answered with no task of their own, and all else as granian would have it."""

import os
import socket
from pathlib import Path

from schema.reasons import Reason
from tests.support.collectors import RunningCollector
from tests.support.waiting import wait_for

LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/"}}'
NO_TASKS = "import ingest.rsgi as r; r.RsgiCollector.__rsgi__ = None"
NO_SCHEDULER = "import ingest.scheduling as s; s._ordinary_scheduler = None"
FAILING = """
import ingest.rsgi as r
small = r.RsgiCollector._is_small
def failing(self, declared, times=[]):
    times.append(declared)
    if len(times) == 1:
        raise MemoryError
    return small(self, declared)
r.RsgiCollector._is_small = failing
"""


def test_a_small_report_needs_no_task_and_a_large_one_has_one(tmp_path):
    collector = RunningCollector("granian", tmp_path, NO_TASKS)
    assert collector.post(LEGACY).status == 204
    assert collector.post(LEGACY + b" " * 20_000).status == 500
    assert collector.stop() == 0


def test_without_granians_scheduler_all_requests_go_its_way(tmp_path):
    collector = RunningCollector("granian", tmp_path, NO_SCHEDULER)
    assert collector.post(LEGACY).status == 204
    assert collector.stop() == 0


def test_what_fails_before_granians_scheduler_goes_its_way_and_harms_no_other(tmp_path):
    collector = RunningCollector("granian", tmp_path, FAILING)
    assert [collector.post(LEGACY).status for _ in range(3)] == [204] * 3
    assert collector.stop() == 0


def test_a_large_body_that_breaks_off_is_no_report_though_it_looks_like_one(tmp_path):
    collector = RunningCollector("granian", tmp_path)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as client:
        client.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: 30000\r\n\r\n" + LEGACY)
        client.shutdown(socket.SHUT_WR)
        wait_for(
            "it is counted", lambda: [found.detail for found in collector.deliveries()] == [Reason.INCOMPLETE.value]
        )
    assert collector.stop() == 0


def test_a_small_body_that_breaks_off_is_counted_as_incomplete(tmp_path):
    collector = RunningCollector("granian", tmp_path)
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as client:
        client.sendall(b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: 100\r\n\r\n{")
    wait_for("it is counted", lambda: [found.detail for found in collector.deliveries()] == [Reason.INCOMPLETE.value])
    assert collector.stop() == 0


def test_its_threads_take_no_core_from_each_other_when_they_are_woken(tmp_path):
    collector = RunningCollector("granian", tmp_path)
    assert collector.post(LEGACY).status == 204
    threads = [int(folder.name) for folder in Path(f"/proc/{collector.process.pid}/task").iterdir()]
    assert len(threads) > 1
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}
    assert collector.stop() == 0
