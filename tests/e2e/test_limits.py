"""Limits, samples and fairness through the whole program: two workers, a kill, a processor that stands still."""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Program

SITES = """
[sites.limited]
rate_limit = 40
burst = 40
[sites.sampled]
sample = 0.25
[sites.flooded]
[sites.other]
"""
SPOOL_BYTES = 1 << 20  # of a worker
AT_ONCE = 50
BODY = b'{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src","blocked-uri":"data"}}'


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "sites.toml").write_text(SITES)
    flags = ("--workers", "2", "--sites", str(folder / "sites.toml"))
    with Program(folder, *flags, SENTINEL_SPOOL_MAX_BYTES=str(SPOOL_BYTES)) as running:
        yield running


def send(program: Program, site: str, reports: int, padding: int = 0) -> Counter[int]:
    """Answers by status, of reports that go together on one connection; 0 is none."""
    body = BODY + b" " * padding
    post = b"POST /csp/report/%s HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % (site.encode(), len(body)) + body
    came = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", program.collector_port), 20) as client:
        client.sendall(post * reports)
        client.shutdown(socket.SHUT_WR)
        while chunk := client.recv(1 << 16):
            came += chunk
    answers = Counter(map(int, re.findall(rb"HTTP/1\.1 (\d+)", came)))
    answers[0] = reports - answers.total()
    return answers


def workers(program: Program) -> list[int]:
    """Those that hold a spool."""

    def opened(pid: int) -> set[str]:
        found = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
        return found

    return [pid for pid in program.pids()[1:] if any(re.search(r"/spool/\d+/lock$", name) for name in opened(pid))]


@contextlib.contextmanager
def only(alone: int, program: Program) -> Iterator[None]:
    """The listener is that of all workers: who stands still takes no connection."""
    others = [pid for pid in workers(program) if pid != alone]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def of_site(program: Program, site: str) -> dict[str, Any]:
    """Its lines of the ledger, once all is stored that was answered."""
    lines = [line for line in program.get("/api/ledger")["items"] if line["site"] == site]
    rejected: Counter[str] = Counter()
    for line in lines:
        rejected.update(line["rejected"])
    names = ("received", "stored", "sampled")
    return {name: sum(line[name] for line in lines) for name in names} | {"rejected": dict(rejected)}


def settled(program: Program, answered: dict[str, int]) -> None:
    ends = time.monotonic() + 90
    while any(of_site(program, site)["received"] < reports for site, reports in answered.items()):
        assert time.monotonic() < ends
        time.sleep(0.2)


class Floods:
    """Of two sites at once, and what was answered to them."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def start(self, *sites: str) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._flood, args=(site,)) for site in sites]
        for thread in threads:
            thread.start()
        return threads

    def _flood(self, site: str) -> None:
        for _ in range(20):
            self._send(site, AT_ONCE)

    def _send(self, site: str, reports: int) -> None:
        answers = send(self._program, site, reports)
        assert set(answers) <= {0, 204}
        self.sent[site] += reports
        self.answered[site] += answers[204]

    def all(self) -> None:
        for thread in self.start("limited", "sampled"):
            thread.join()
        for alone in workers(self._program):  # what was over the limit stands behind the next that each takes
            with only(alone, self._program):
                for _ in range(2):
                    time.sleep(0.1)  # there is a token by then
                    self._send("limited", 1)


def test_a_killed_worker_takes_no_count_with_it_and_estimates_stay_near_what_was_sent(program):
    floods = Floods(program)
    floods.all()
    [under_way], before = floods.start("sampled"), floods.answered.total()
    while floods.answered.total() < before + 2 * AT_ONCE:
        assert under_way.is_alive()
        time.sleep(0.005)
    os.kill(workers(program)[0], signal.SIGKILL)
    under_way.join()
    ends = time.monotonic() + 60
    while len(workers(program)) < 2:
        assert time.monotonic() < ends
        time.sleep(0.05)
    floods.all()

    settled(program, floods.answered)
    assert program.get("/api/ledger")["balanced"]
    for site, error in (("limited", AT_ONCE), ("sampled", 5 * (floods.sent["sampled"] * 3) ** 0.5)):
        found = of_site(program, site)
        assert floods.answered[site] <= found["received"] <= floods.sent[site]
        assert found["received"] == found["stored"] + found["sampled"]
        assert 0 < found["sampled"] < found["received"]
        totals = program.get(f"/api/totals?site={site}")
        assert totals["reports"] == found["stored"]
        assert abs(totals["estimated"] - found["received"]) < error, site


def test_while_one_site_floods_and_nothing_is_stored_another_sites_reports_get_in(program):
    processor = next(pid for pid in program.pids()[1:] if "chdb" in Path(f"/proc/{pid}/maps").read_text())
    flooded: Counter[int] = Counter()
    os.kill(processor, signal.SIGSTOP)
    try:
        # Each connection meets either worker: both are full when so many in a row were turned away.
        turned_away = 0
        while turned_away < 10:
            answers = send(program, "flooded", AT_ONCE, padding=1000)
            turned_away = turned_away + 1 if not answers[204] else 0
            flooded += answers
        others = [send(program, "other", 1) for _ in range(60)]
    finally:
        os.kill(processor, signal.SIGCONT)
    assert set(flooded) == {204, 503}
    assert all(answers[204] == 1 for answers in others)

    settled(program, {"flooded": flooded[204], "other": 60})
    ends = time.monotonic() + 60
    while of_site(program, "flooded")["rejected"].get("busy", 0) < flooded[503] and time.monotonic() < ends:
        time.sleep(0.2)
    assert of_site(program, "flooded") == {
        "received": flooded[204] + flooded[503], "stored": flooded[204], "sampled": 0,
        "rejected": {"busy": flooded[503]},
    }  # fmt: skip
    assert of_site(program, "other") == {"received": 60, "stored": 60, "sampled": 0, "rejected": {}}
    assert program.get("/api/ledger")["balanced"]
