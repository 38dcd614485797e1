"""The stages as a person starts them: `csp-sentinel` commands with settings of their own, on ports of their own."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import msgspec

from log import topic
from log.places import KafkaPlace
from schema import tables
from schema.delivery import Delivery, Kind, encode
from schema.envelope import VERSION, pack, zstd
from schema.server import Server
from sentinel import places
from tests.e2e.drill.stages import PROGRAM, Stage
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.kafka.cluster import Cluster
from tests.support.kafka.listeners import PASSWORD, USER
from tests.support.ports import free_ports
from tests.support.waiting import wait_for

__all__ = ["Answer", "Machine", "Shared", "command", "envelope", "together", "wait_for"]
_TYPE = {"content-type": "application/csp-report"}


class Answer(NamedTuple):
    status: int
    body: str
    retry_after: str | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Shared:
    """What the machines of a test share: a topic, a group and a database nobody else has. They are made by `init`."""

    def __init__(self, kafka: Cluster, server: ClickHouseServer | None = None) -> None:
        """Without a server the store is chDB."""
        self._kafka = kafka
        self._name = uuid.uuid4().hex
        self.log = self.over("PLAINTEXT")
        self.settings = {"log": self.log}
        if server is not None:
            self.settings["store"] = server.url_of(f"d_{self._name}")

    def over(self, listener: str, more: str = "") -> str:
        """SENTINEL_LOG by this way in; `more` are parameters, each with its &."""
        scheme = "kafkas" if listener.endswith("SSL") else "kafka"
        user = f"{USER}:{quote(PASSWORD, safe='')}@" if listener.startswith("SASL") else ""
        shape = f"partitions=2&replication=1&min_isr=1&group=g-{self._name}"
        return f"{scheme}://{user}{self._kafka.address(listener)}/t-{self._name}?{shape}{more}"

    @property
    def place(self) -> KafkaPlace:
        return places.LOG.read(self.log)

    def init(self) -> Self:
        """As `csp-sentinel init` does, which takes a second more."""
        asyncio.run(topic.create(self.place, 1 << 18))
        if "store" in self.settings:
            with contextlib.closing(Server(places.STORE.read(self.settings["store"]))) as server:
                tables.init(server, 90)
        return self

    def sums(self) -> dict[str, int]:
        """Of the ledger, by outcome."""
        with contextlib.closing(Server(places.STORE.read(self.settings["store"]))) as server:
            found = server.client().query("SELECT outcome, sum(reports) FROM ledger GROUP BY outcome").result_rows
            return {outcome: int(reports) for outcome, reports in found}


class Machine(Stage):
    """`csp-sentinel ingest|process|console|run` with a data dir of its own; ports stay the same when it starts again.

    Started once made; `start` again after `kill` or `stop`. A context manager, which kills what is still running.
    """

    def __init__(self, name: str, folder: Path, *flags: object, **settings: object) -> None:
        """`name`: the command, and what tells it from others of its kind: "process 2". `settings`: SENTINEL_*."""
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder / "data"
        self.port, self.console_port, self.ops_port = free_ports(3)
        super().__init__(
            name.replace(" ", "-"),
            folder,
            {
                "SENTINEL_HOST": "127.0.0.1",
                "SENTINEL_WORKERS": "1",
                "SENTINEL_DATA_DIR": str(self.data_dir),
                "SENTINEL_PORT": str(self.port),
                "SENTINEL_CONSOLE_PORT": str(self.console_port),
                "SENTINEL_OPS_PORT": str(self.ops_port),
                "TMPDIR": str(folder),
                **{f"SENTINEL_{field.upper()}": str(value) for field, value in settings.items()},
            },
        )
        self._arguments = (name.split(maxsplit=1)[0], *flags)
        self.start()

    def start(self) -> Self:
        """Returns when it says where it is."""
        self.launch(*self._arguments)
        self.said(r"(metrics: )")
        return self

    def ready(self) -> Answer:
        """What the operations port says."""
        return _get(self.ops_port, "/ready")

    def metric(self, name: str) -> float:
        """The sum over its labels."""
        lines = _get(self.ops_port, "/metrics").body.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def partitions(self) -> int:
        """How many a processor says it reads."""
        return int(self.metric("sentinel_partitions"))

    def get(self, path: str) -> Any:
        """Of the console's API."""
        answer = _get(self.console_port, path)
        assert answer.status == 200, answer
        return answer.json

    def ask(self, path: str) -> Answer:
        """The console's answer, whatever it is."""
        return _get(self.console_port, path)

    def ask_collector(self, path: str) -> Answer:
        return _get(self.port, path)

    def post(self, body: bytes, site: str = "shop") -> Answer:
        return self.post_all([(body, f"/csp/report/{site}", {})])[0]

    def post_all(self, requests: Iterable[tuple[bytes, str, dict[str, str]]]) -> list[Answer]:
        """Bodies, paths and headers, over one connection."""
        answers = []
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            for body, path, headers in requests:
                connection.request("POST", path, body, _TYPE | headers)
                answer = connection.getresponse()
                answers.append(Answer(answer.status, answer.read().decode(), answer.getheader("retry-after")))
        return answers

    def lines(self, level: str = "") -> list[dict[str, Any]]:
        """What it logged in all its lives."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if level in ("", line["level"])]

    def told(self) -> Counter[str]:
        """How often it logged each sentence above `info`."""
        return Counter(line["message"] for line in self.lines() if line["level"] not in ("debug", "info"))

    def cpu_seconds(self) -> float:
        """Of it and its children so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in self._family()]
        return sum(float(ticks) for pair in fields for ticks in pair) / os.sysconf("SC_CLK_TCK")

    def _family(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def end_with(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Its exit code. Ctrl-C, as in a terminal, reaches its children too."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def together(*starts: Callable[[], Machine]) -> list[Machine]:
    with ThreadPoolExecutor(len(starts)) as beside:
        return [started.result() for started in [beside.submit(start) for start in starts]]


def _get(port: int, path: str) -> Answer:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return Answer(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(), error.headers["retry-after"])


def command(*arguments: object, seconds: float = 60, **settings: object) -> "subprocess.CompletedProcess[str]":
    """A `csp-sentinel` command to its end. `settings`: SENTINEL_*."""
    environment = {f"SENTINEL_{field.upper()}": str(value) for field, value in settings.items()}
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **environment},
    )


def envelope(*bodies: bytes, version: int = VERSION) -> bytes:
    """A record with a delivery of each body."""
    now = int(time.time() * 1000)
    if version != VERSION:
        return zstd.compress(msgspec.msgpack.encode([version, "id", "host/0", now, "what only that version knows"]))
    return pack("id", "host/0", now, [encode(Delivery(now, "shop", Kind.REPORTS, 1, b"", body)) for body in bodies])
