"""kill -9 of any process under load, in `disk` durability: nothing answered 204 is lost, nothing counts twice."""

import http.client
import json
import os
import random
import signal
import threading
import time

from tests.support.program import Program

KILLS = 12
SENDERS = 3


class Sender(threading.Thread):
    """Sends reports, each with a page of its own, and remembers which were answered 204."""

    def __init__(self, program: Program, name: str, stop: threading.Event, pause: float = 0.001) -> None:
        """`pause`: s between two reports."""
        super().__init__(daemon=True)
        self.pause = pause
        self.program, self.label, self.stop_asked = program, name, stop
        self.sent, self.answered = 0, set()

    def run(self) -> None:
        connection = None
        while not self.stop_asked.is_set():
            page = f"https://shop.example/{self.label}/{self.sent}"
            self.sent += 1
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.program.collector_port, timeout=10)
            try:
                body = json.dumps({"csp-report": {"document-uri": page, "effective-directive": "img-src"}})
                connection.request("POST", "/csp/report/shop", body, {"content-type": "application/csp-report"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 204:
                    self.answered.add(page)
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
                time.sleep(0.05)
            time.sleep(self.pause)
        if connection is not None:
            connection.close()


def test_every_report_answered_204_is_stored_exactly_once_through_a_dozen_kills(tmp_path):
    chance = random.Random()  # real moments; the seed would not make the kernel repeat itself
    stop = threading.Event()
    with Program(tmp_path, "--workers", "2") as program:
        senders = [Sender(program, str(number), stop) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        killed = []
        for number in range(KILLS):
            time.sleep(chance.uniform(0.3, 2.0))
            pids = program.pids()
            # each in turn, so that parent, collectors and processor are all hit
            victim = pids[number % len(pids)]
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)
            if victim == program.process.pid:
                program.process.wait()
                program.start()
        time.sleep(1)
        stop.set()
        for sender in senders:
            sender.join()
        answered = set().union(*(sender.answered for sender in senders))
        ledger = program.settle(len(answered))
        rows = [json.loads(line) for line in program.read("/api/export?format=ndjson").splitlines()]
        totals = program.get("/api/totals")
        assert program.stop() == 0

    assert len(set(killed)) == KILLS
    assert len(answered) > 500
    stored = {row["document_url"]: row["reports"] for row in rows}
    assert answered - stored.keys() == set(), "lost"
    assert {page: reports for page, reports in stored.items() if reports != 1} == {}, "counted twice"
    assert ledger["balanced"]
    assert ledger["received"] == ledger["stored"] == sum(stored.values()) == totals["reports"]
