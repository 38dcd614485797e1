"""Looks at the store while the drill runs: how long answered reports take to get there, and how far it is behind."""

import contextlib
import json
import threading
import time
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.e2e.drill.world import World

EVERY_SECONDS = 0.5
FRESH_SECONDS = 3.0  # answered longer ago, and not stored: behind
_STORED = "SELECT DISTINCT document_url FROM violations WHERE document_url IN {marks:Array(String)}"


@dataclass
class Probe:
    """A report answered 204, one a second and sender; times of the monotonic clock."""

    mark: str
    answered: float
    stored: float = 0.0


class Watch(threading.Thread):
    def __init__(self, world: World) -> None:
        super().__init__(daemon=True, name="watch")
        self.probes: list[Probe] = []
        self.longest_lag = 0.0  # as the console says it
        self.lag_known = 0  # times that it did
        self._world = world
        self._waiting: dict[str, Probe] = {}
        self._over = threading.Event()
        self._client: Client | None = None

    def run(self) -> None:
        rounds = 0
        while not self._over.wait(EVERY_SECONDS):
            self._take_probes()
            try:
                self._look()
            except (ClickHouseError, OSError):
                self._client = None
            rounds += 1
            if rounds % 4 == 0:
                self._ask_lag()

    def stop(self) -> None:
        self._over.set()
        self.join()

    def behind(self) -> float:
        """Seconds since the oldest probe was answered that was not in the store when it was last looked at."""
        waiting = list(self._waiting.values())
        return time.monotonic() - min((probe.answered for probe in waiting), default=time.monotonic())

    def catch_up(self, seconds: float) -> float | None:
        """How long it took until all that is answered is stored, but for the last moments."""
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            time.sleep(EVERY_SECONDS)
            if self.behind() < FRESH_SECONDS:
                return time.monotonic() - began
        return None

    def _take_probes(self) -> None:
        for sender in self._world.senders:
            while sender.probes:
                probe = Probe(*sender.probes.popleft())
                self.probes.append(probe)
                self._waiting[probe.mark] = probe

    def _look(self) -> None:
        if self._client is None:
            self._client = self._world.store.client(connect_timeout=2, send_receive_timeout=5, query_retries=0)
        found = self._client.query(_STORED, parameters={"marks": list(self._waiting)}).result_rows
        for (mark,) in found:
            self._waiting.pop(mark).stored = time.monotonic()

    def _ask_lag(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            lag = json.loads(self._world.console.get("/api/totals", 2))["lag_seconds"]
            if lag is not None:
                self.lag_known += 1
                self.longest_lag = max(self.longest_lag, lag)
