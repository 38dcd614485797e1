"""A ClickHouse of the tests: a process that speaks its HTTP interface over chDB, and does wrong what it is told to."""

import contextlib
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, get_args
from urllib.parse import quote

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client

from tests.support.certificate import Certificate
from tests.support.clickhouse_faults import TEXTS, Counts, Fault, Kind
from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class ClickHouseServer:
    """Up once made, over the store in `folder`, which like the port stays the same when it is started again.

    Faults are for inserts, into the table `only` where it is given, `times` times (None: until `heal`); with
    `inserts_only=False` for every statement. They add up, the oldest first, and a restart forgets them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "default",
        password: str = "",
        database: str = "default",
        certificate: Certificate | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.user, self.password, self.database = user, password, database
        self.port = free_ports(1)[0]
        self._certificate = certificate
        folder.mkdir(parents=True, exist_ok=True)
        # A parent-death signal comes when the *thread* that started the process ends: so one thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="clickhouse")
        self.start()

    @property
    def url(self) -> str:
        """clickhouse[s]://user:password@127.0.0.1:port/database."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        scheme = "clickhouses" if self._certificate else "clickhouse"
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"{scheme}://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def client(self, database: str | None = None, **more: Any) -> Client:
        """A client of clickhouse-connect; `more` goes to its `get_client`."""
        wanted = {"database": self.database if database is None else database} | more
        if self._certificate:
            wanted |= {"interface": "https", "ca_cert": str(self._certificate.certificate)}
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=self.user, password=self.password, tz_mode="aware", **wanted
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._starter.shutdown()

    def start(self) -> None:
        """Returns when it answers; again after `kill` or `stop`, with what it had stored."""
        command: list[str | Path] = [
            "setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.support.clickhouse_process",
            "--path", self.folder, "--port", str(self.port), "--user", self.user, f"--password={self.password}",
        ]  # fmt: skip
        if self._certificate:
            command += ["--certificate", self._certificate.certificate, "--key", self._certificate.key]
        with self._log.open("ab") as log:
            self.process = self._starter.submit(
                subprocess.Popen,
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            ).result()
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self.process.poll() is None:
            with contextlib.suppress(OSError):
                self._control("GET", "/ping")
                return
            time.sleep(0.05)
        self.kill()
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """SIGKILL, frozen or not."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def be_slow(
        self, seconds: float, *, times: int | None = None, only: str | None = None, inserts_only: bool = True
    ) -> None:
        """Waits before it applies: a client that gives up meanwhile has its insert applied all the same."""
        self._add(Fault(("slow",), times, only, inserts_only, seconds=seconds))

    def refuse(
        self,
        code: int,
        text: str = "",
        *,
        times: int | None = 1,
        only: str | None = None,
        inserts_only: bool = True,
    ) -> None:
        """Answers with this DB::Exception instead of applying; without `text`, as ClickHouse words it."""
        self._add(Fault(("refuse",), times, only, inserts_only, code=code, text=text or TEXTS[code]))

    def cut_after_applying(self, *, times: int | None = 1, only: str | None = None) -> None:
        """Closes the connection without an answer. The client's own second try is a second time."""
        self._add(Fault(("cut_after",), times, only))

    def cut_before_applying(self, *, times: int | None = 1, only: str | None = None) -> None:
        """Reads the insert, and closes the connection without applying it."""
        self._add(Fault(("cut_before",), times, only))

    def hang_after_applying(self, *, times: int | None = 1, only: str | None = None) -> None:
        """Never answers: the client's own timeout ends it."""
        self._add(Fault(("hang_after",), times, only))

    def random_faults(self, probability: float, kinds: Sequence[Kind] = get_args(Kind), *, seconds: float = 1) -> None:
        """An insert meets one of `kinds` with this probability; `slow` takes `seconds`, `refuse` has too many parts."""
        fault = Fault(tuple(kinds), seconds=seconds, code=252, text=TEXTS[252], probability=probability)
        self._add(fault)

    def heal(self) -> None:
        """No more faults; what waits or hangs goes on doing so."""
        self._control("DELETE", "/_faults")

    def forget_counts(self) -> None:
        self._control("DELETE", "/_counts")

    def counts(self) -> defaultdict[str, Counts]:
        """Inserts by table since the last start or `forget_counts`."""
        found = msgspec.json.decode(self._control("GET", "/_counts"), type=dict[str, Counts])
        return defaultdict(Counts, found)

    def _add(self, fault: Fault) -> None:
        self._control("POST", "/_faults", msgspec.json.encode(fault))

    def _control(self, method: str, path: str, body: bytes | None = None) -> bytes:
        scheme = "https" if self._certificate else "http"
        asked = urllib.request.Request(f"{scheme}://127.0.0.1:{self.port}{path}", body, method=method)
        context = ssl._create_unverified_context() if self._certificate else None
        with urllib.request.urlopen(asked, timeout=10, context=context) as answer:
            found: bytes = answer.read()
            return found

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"
