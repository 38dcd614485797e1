"""The whole program, as a person starts it: `csp-sentinel run` on a data dir, with free ports."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("csp-sentinel")


class Program:
    """A running `csp-sentinel run`. Ports stay the same when it is started again."""

    def __init__(self, folder: Path, *flags: str, **environment: str) -> None:
        self.data_dir = folder / "data"
        self._log = folder / "log.jsonl"
        self._flags = flags
        self._environment = environment
        self._ports = ["0", "0"]
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "run", "--host", "127.0.0.1", "--data-dir", self.data_dir, "--ops-port", "0",
                 "--port", self._ports[0], "--console-port", self._ports[1], *self._flags],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )  # fmt: skip
        self.where = self._wait_for_places()
        self._ports = [str(urllib.parse.urlsplit(self.where[name]).port) for name in ("collector", "console")]

    def _wait_for_places(self) -> dict[str, Any]:
        ends = time.monotonic() + 60
        while time.monotonic() < ends and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                found = json.loads((self.data_dir / "run.json").read_text())
                if found["pid"] == self.process.pid:
                    return found
            time.sleep(0.05)
        raise AssertionError(self.log())

    def log(self) -> str:
        return self._log.read_text()

    def pids(self) -> list[int]:
        """The program's processes, the parent first."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    @property
    def collector_port(self) -> int:
        return int(self._ports[0])

    @property
    def console_port(self) -> int:
        return int(self._ports[1])

    def post(self, body: bytes, path: str = "/csp/report", **headers: str) -> int:
        named = {"content-type": "application/csp-report"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.collector_port, timeout=10)
        try:
            connection.request("POST", path, body, named)
            return connection.getresponse().status
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        body = self.read(path)
        return json.loads(body)

    def read(self, path: str) -> bytes:
        ends = time.monotonic() + 90
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.console_port, timeout=30)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
            except OSError:  # the console is being started again
                if time.monotonic() > ends:
                    raise
                time.sleep(0.1)
                continue
            finally:
                connection.close()
            assert answer.status == 200, body
            return body

    def settle(self, reports: int, outcome: str = "received") -> dict[str, Any]:
        """The ledger once it holds this many; fails after a while."""
        ends = time.monotonic() + 90
        ledger: dict[str, Any] = {}
        while time.monotonic() < ends:
            ledger = self.get("/api/ledger")
            if ledger[outcome] >= reports:
                return ledger
            time.sleep(0.1)
        raise AssertionError(f"{ledger} is short of {reports}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
