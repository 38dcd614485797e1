"""All that the drill runs: three brokers, the store, collectors, processors, a console, and the load."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient

from log.kafka import CannotReach, connection
from log.lag import left
from sentinel import places
from tests.e2e.drill.disk import SmallDisk
from tests.e2e.drill.senders import Request, Sender
from tests.e2e.drill.stages import PROGRAM, Collector, Console, Processor
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.kafka.cluster import Cluster
from tests.support.waiting import wait_for

PARTITIONS = 6
SENDERS = 2  # a collector
SETTLE_SECONDS = 180


class World:
    """Up and under load once entered. Collector `a` starts with more or fewer workers each time; `b` is granian's, on a
    small disk; `c` answers when Kafka has it.
    """

    def __init__(self, folder: Path, cluster: Cluster, store: ClickHouseServer) -> None:
        self.folder = folder
        self.cluster = cluster
        self.store = store
        topic = f"reports?partitions={PARTITIONS}&replication=3&min_isr=2"
        self.environment = {
            "SENTINEL_LOG": f"kafka://{cluster.bootstrap}/{topic}",
            "SENTINEL_STORE": store.url,
            "SENTINEL_LOG_FORMAT": "text",
        }
        self.place = places.LOG.read(self.environment["SENTINEL_LOG"])
        (folder / "tmp").mkdir()
        self.collectors: list[Collector] = []
        self.processors: list[Processor] = []
        self.senders: list[Sender] = []
        self.console = Console("console", folder, self.environment)
        self.disk = SmallDisk(folder / "disk-b")
        self.collectors_calm = threading.Lock()  # held by who fills a disk, and by who ends a collector
        self._processors_made = 0

    def start(self, collectors: str, processors: int) -> None:
        """`collectors`: letters out of abc."""
        self.init()
        for name in collectors:
            flags = ("--server", "granian") if name == "b" else ()
            environment = self.environment | ({"SENTINEL_DURABILITY": "log"} if name == "c" else {})
            disk = self.disk if name == "b" else None
            self.collectors.append(Collector(name, self.folder, environment, flags, disk))
        self.processors += [self._processor() for _ in range(processors)]
        stages: list[Collector | Processor | Console] = [*self.collectors, *self.processors, self.console]
        with ThreadPoolExecutor(len(stages)) as beside:
            for started in [beside.submit(stage.start) for stage in stages]:
                started.result()

    def init(self) -> None:
        done = subprocess.run(
            [PROGRAM, "init"], check=False, capture_output=True, text=True, timeout=60, env=self.console.environment
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def add_processor(self) -> Processor:
        made = self._processor()
        made.start()
        self.processors.append(made)
        return made

    def _processor(self) -> Processor:
        self._processors_made += 1
        return Processor(f"processor-{self._processors_made}", self.folder, self.environment)

    def load(self, rate: float, seed: int) -> None:
        """`rate`: requests a second, of all senders together."""
        each = rate / SENDERS / len(self.collectors)
        for collector in self.collectors:
            self.senders += [Sender(collector, number, each, seed) for number in range(SENDERS)]
        for sender in self.senders:
            sender.start()

    def stop_load(self) -> None:
        for sender in self.senders:
            sender.stop()
        for sender in self.senders:
            sender.join()

    def requests(self) -> Iterator[Request]:
        for sender in self.senders:
            yield from list(sender.requests)

    def answered(self, collector: Collector, status: int) -> int:
        """Requests so far with this answer."""
        return sum(request.status == status for request in self.requests() if request.collector == collector.site)

    def collector(self, name: str) -> Collector:
        return next(collector for collector in self.collectors if collector.site == name)

    def coordinator(self) -> int:
        """The broker that looks after the processors' group."""

        async def ask() -> int:
            client = AIOKafkaAdminClient(**connection(self.place))
            await client.start()
            try:
                return int(await client.find_coordinator(self.place.group))
            finally:
                await client.close()

        return asyncio.run(ask())

    def left(self) -> int | None:
        """Envelopes that are not stored; None where Kafka doesn't say."""
        try:
            return asyncio.run(left(self.place))
        except CannotReach:
            return None

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.console.get("/api/ledger?limit=10000", 60))
        return found

    def settle(self) -> dict[str, Any]:
        """The ledger, when spools and log are empty and it has stopped growing."""
        wait_for("the spools are shipped", lambda: not any(map(Collector.spool_bytes, self.collectors)), SETTLE_SECONDS)
        wait_for("the group has read the log", lambda: self.left() == 0, SETTLE_SECONDS)
        before: list[Any] = []

        def still() -> dict[str, Any] | None:
            before.append(self.ledger())
            return before[-1] if before[-1:] == before[-2:-1] else None

        return wait_for("the ledger stands still", still, SETTLE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sender in self.senders:
            sender.stop()
        for stage in [*self.collectors, *self.processors, self.console]:
            if hasattr(stage, "process"):
                stage.end()
        self.disk.close()
