"""`csp-sentinel run` on a disk of its own, under load, and what goes wrong with it."""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import urlsplit

from loadtest.bench import proc
from tests.e2e.drill.disk import SmallDisk
from tests.e2e.drill.faults import freeze
from tests.e2e.drill.stages import Stage
from tests.e2e.soak.sender import Sender, statuses
from tests.e2e.soak.timetable import Trouble
from tests.support.waiting import wait_for

_SENDERS = 4
_DISK_MB = 1500
_ROOM_BYTES = 8_000  # left on the full disk
_SETTLE_SECONDS = 300.0


class One(Stage):
    """Up once entered. It starts again on the same ports and data dir."""

    name = "run"

    def __init__(self, folder: Path) -> None:
        self.disk = SmallDisk(folder / "disk-run", _DISK_MB)
        super().__init__("run", folder, {"SENTINEL_LOG_FORMAT": "text"}, self.disk)
        (folder / "tmp").mkdir(exist_ok=True)
        self._data = folder / "disk-run" / "data"  # the disk is mounted here
        self.data_dirs = {"run": self.disk.seen / "data"}
        self._ports = {"collector": 0, "console": 0}
        self.browsers = [Sender("run", number, lambda: self._ports["collector"]) for number in range(_SENDERS)]

    def stages(self) -> Iterable[tuple[str, Stage]]:
        yield "run", self

    def start(self) -> None:
        self.launch(
            "run", "--host", "127.0.0.1", "--port", self._ports["collector"], "--console-port", self._ports["console"],
            "--workers", 1, "--data-dir", self._data,
        )  # fmt: skip
        where = wait_for("run says where it is", self._where)
        self._ports = {name: urlsplit(where[name]).port or 0 for name in self._ports}

    def _where(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, f"run ended: {self.log.read_text()[-2000:]}"
        found: dict[str, Any] = json.loads((self.data_dirs["run"] / "run.json").read_text())
        return found if found["pid"] == self.process.pid else None

    def children(self) -> dict[str, int]:
        """Process ids by name; none before one can tell: a store that only begins looks like a worker."""
        pids = [pid for pid in proc.tree(self.process.pid)[1:] if proc.has_mapped(pid, "uvloop")]
        found = {"store" if proc.has_mapped(pid, "chdb") else "worker": pid for pid in pids}
        return found if len(found) == len(pids) == 2 else {}

    def get(self, path: str, seconds: float = 60) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["console"], timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise OSError(f"{path}: {answer.status}")
            return json.loads(answer.read())
        finally:
            connection.close()

    def settle(self) -> dict[str, Any]:
        """The ledger, when it has stopped growing, and the newest reports are stored."""
        before: list[Any] = []

        def still() -> dict[str, Any] | None:
            time.sleep(2)  # the processor looks several times meanwhile
            if (self.get("/api/totals")["lag_seconds"] or 0) > 1:
                return None
            before.append(self.get("/api/ledger?limit=1"))
            return before[-1] if before[-1:] == before[-2:-1] else None

        return wait_for("the ledger stands still", still, _SETTLE_SECONDS)

    def troubles(self) -> list[Trouble]:
        return [
            Trouble("run killed", True, self._kill),
            Trouble("run stopped", True, self._stop),
            Trouble("worker killed", True, partial(self._kill_child, "worker")),
            Trouble("store killed", True, partial(self._kill_child, "store")),
            Trouble("worker frozen", False, partial(self._freeze_child, "worker")),
            Trouble("store frozen", False, partial(self._freeze_child, "store")),
            Trouble("disk full", False, self._fill_disk),
        ]

    def _kill(self, chance: Random) -> str:
        self.kill()
        time.sleep(chance.uniform(0, 2))
        self.start()
        return "all its processes at once"

    def _stop(self, chance: Random) -> str:
        code = self.stop()
        assert code == 0, f"run ended with {code}"
        time.sleep(chance.uniform(0, 2))
        self.start()
        return "by SIGTERM"

    def _kill_child(self, name: str, _chance: Random) -> str:
        victim = self._child(name)
        os.kill(victim, signal.SIGKILL)
        wait_for(f"run starts its {name} again", lambda: self.children().get(name, victim) != victim)
        taken = statuses(self.browsers)[204]
        wait_for("reports are taken again", lambda: statuses(self.browsers)[204] > taken)
        return f"process {victim}"

    def _freeze_child(self, name: str, chance: Random) -> str:
        victim, seconds = self._child(name), chance.uniform(2, 8)
        freeze(victim, seconds)
        return f"process {victim}, {seconds:.0f} s"

    def _child(self, name: str) -> int:
        return wait_for(f"run has a {name}", lambda: self.children().get(name))

    def _fill_disk(self, _chance: Random) -> str:
        before = statuses(self.browsers)[503]

        def refused() -> bool:
            self.disk.fill_but(_ROOM_BYTES)  # again: the store deletes what it has merged
            return statuses(self.browsers)[503] > before + 5

        try:
            wait_for("a full disk is answered 503", refused)
        finally:
            self.disk.make_room()
        taken = statuses(self.browsers)[204]
        wait_for("it takes reports again", lambda: statuses(self.browsers)[204] > taken + 5)
        return f"{statuses(self.browsers)[503] - before} posts answered 503"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "process"):
            self.end()
        self.disk.close()
