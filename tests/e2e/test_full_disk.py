"""A full disk under the whole program: 503, no crash, nothing answered 204 lost, and back by itself."""

import http.client
import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

from tests.support.disk import SMALL_DISK, needs_a_small_disk
from tests.support.program import PROGRAM
from tests.support.waiting import wait_for


def post(port: int, number: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = {"csp-report": {"document-uri": f"https://shop.example/{number}", "script-sample": "x" * 400}}
    connection.request("POST", "/csp/report/full", json.dumps(body), {"content-type": "application/csp-report"})
    status = connection.getresponse().status
    connection.close()
    return status


@needs_a_small_disk
def test_a_full_disk_turns_reports_away_and_the_rest_goes_on_when_there_is_room(tmp_path):
    command = [PROGRAM, "run", "--host", "127.0.0.1", "--port", "0", "--console-port", "0", "--ops-port", "0",
               "--workers", "1", "--data-dir", tmp_path / "data"]  # fmt: skip
    program = subprocess.Popen(
        [*SMALL_DISK, "200m", tmp_path, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    disk = Path(f"/proc/{program.pid}/root{tmp_path}")
    try:
        places = wait_for("it says where it is", lambda: json.loads((disk / "data" / "run.json").read_text()))
        port = int(places["collector"].rpartition(":")[2])
        answers = Counter(post(port, number) for number in range(200))
        fill(disk / "filler")
        answers += Counter(post(port, number) for number in range(200, 700))
        assert answers[204] > 200
        assert answers[503] > 0
        (disk / "filler").unlink()
        wait_for("there is room", lambda: post(port, 700) == 204)
        ledger = wait_for("all is counted", lambda: settled(places["console"], answers[204] + 1, answers[503]))
        program.send_signal(signal.SIGTERM)
        assert program.wait(15) == 0
    finally:
        program.kill()
        program.wait()
        program.stderr.close()
    assert ledger["balanced"]
    assert ledger["stored"] == answers[204] + 1


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                os.write(file.fileno(), bytes(1 << 16))
        except OSError:
            return


def settled(console: str, stored: int, busy: int) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", int(console.rpartition(":")[2]), timeout=10)
    connection.request("GET", "/api/ledger")
    ledger = json.loads(connection.getresponse().read())
    connection.close()
    return ledger if ledger["stored"] >= stored and ledger["rejected"].get("busy", 0) >= busy else {}
