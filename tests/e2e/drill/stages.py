"""The stages as the drill starts them: `csp-sentinel` commands, each with a log, killed and started again."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from log.frame import HEADER
from tests.e2e.drill.disk import SmallDisk
from tests.support.waiting import wait_for

PROGRAM = Path(sys.executable).with_name("csp-sentinel")
START_SECONDS = 90

_T = TypeVar("_T")


class Stage:
    """One process, or one with children; all of them end with the drill."""

    # A parent-death signal comes when the *thread* that started the process ends: so one thread starts them all.
    _starter = ThreadPoolExecutor(1, thread_name_prefix="stage")

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], disk: SmallDisk | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._said = folder / f"{name}.out"
        self.environment = {**os.environ, "SENTINEL_OPS_PORT": "0", "TMPDIR": str(folder / "tmp"), **environment}
        self._prefix = disk.inside if disk else []
        self.process: subprocess.Popen[bytes]

    def launch(self, *arguments: object) -> None:
        command: list[str | Path] = [*self._prefix, "setpriv", "--pdeathsig", "KILL", PROGRAM, *map(str, arguments)]
        with self.log.open("ab") as log, self._said.open("wb") as said:
            log.write(f"--- started at {time.time():.3f}\n".encode())
            log.flush()
            self.process = self._starter.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            ).result()

    def said(self, pattern: str) -> str:
        """What the pattern's group finds on its standard output, once it is there."""

        def found() -> str:
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-2000:]}"
            match = re.search(pattern, self._said.read_text())
            return match[1] if match else ""

        return wait_for(f"{self.name} says {pattern}", found)

    def kill(self) -> None:
        """SIGKILL to the process and its children at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As an administrator stops it; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()


class Collector(Stage):
    """`csp-sentinel ingest`: port and data dir stay the same when it is started again; its site has its name."""

    def __init__(
        self, name: str, folder: Path, environment: Mapping[str, str], flags: tuple[str, ...], disk: SmallDisk | None
    ) -> None:
        super().__init__(f"collector-{name}", folder, environment, disk)
        self.site = name
        self.disk = disk
        self._flags = flags
        self._folder = folder / f"disk-{name}"  # the small disk is mounted here
        self._seen = disk.seen if disk else self._folder
        self.port = 0
        self.workers_wanted = 1

    def start(self) -> None:
        self.launch(
            "ingest", "--host", "127.0.0.1", "--port", self.port, "--workers", self.workers_wanted,
            "--data-dir", self._folder / "data", *self._flags,
        )  # fmt: skip
        self.port = urlsplit(self.said(r"collector: +(\S+)")).port or 0
        wait_for(f"{self.name} answers", self.answers)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Their process ids."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]

    def segments(self) -> list[Path]:
        return sorted((self._seen / "data" / "spool").glob("*/*.seg"))

    def spool_bytes(self) -> int:
        """Not shipped yet, or not deleted yet."""
        found = 0
        for path in self.segments():
            with contextlib.suppress(FileNotFoundError):
                found += max(0, path.stat().st_size - len(HEADER))
        return found


class Processor(Stage):
    """`csp-sentinel process`."""

    def start(self) -> None:
        self.launch("process")
        self._metrics = self.said(r"metrics: (\S+)")

    def partitions(self) -> int:
        """How many it says it reads."""
        with urllib.request.urlopen(self._metrics, timeout=2) as answer:
            match = re.search(r"^sentinel_partitions(?:\{.*\})? (\S+)", answer.read().decode(), re.MULTILINE)
        return int(float(match[1])) if match else 0


class Console(Stage):
    """`csp-sentinel console`."""

    def start(self) -> None:
        self.launch("console", "--console-port", 0)
        self.url = self.said(r"console: (\S+)")

    def get(self, path: str, seconds: float = 10) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=seconds) as answer:
            found: bytes = answer.read()
            return found
