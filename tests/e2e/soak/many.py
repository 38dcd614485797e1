"""The drill's many processes, with its faults, under browsers' traffic."""

import contextlib
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.drill.schedule import ALL
from tests.e2e.drill.stages import Collector, Stage
from tests.e2e.drill.world import World
from tests.e2e.soak.sender import Sender, statuses
from tests.e2e.soak.timetable import Trouble
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.kafka.cluster import Cluster

_COLLECTORS = "ab"  # the drill has one more, whose 503 says less
_PROCESSORS = 2
_SENDERS = 3  # a collector
_END_PROCESSES = {
    "collector worker killed", "collector killed", "collector stopped", "processor killed", "processor stopped",
    "disk full, worker killed", "disk full, collector killed",
}  # fmt: skip


class Many(World):
    name = "many"

    def begin(self) -> None:
        self.start(_COLLECTORS, _PROCESSORS)
        # Not `senders`, which are the drill's.
        self.browsers = [
            Sender(its.site, number, partial(getattr, its, "port"))
            for number in range(_SENDERS)
            for its in self.collectors
        ]
        self.data_dirs = {
            its.name: (its.disk.seen if its.disk else self.folder / f"disk-{its.site}") / "data"
            for its in self.collectors
        }

    def stages(self) -> Iterable[tuple[str, Stage]]:
        yield from ((its.name, its) for its in self.collectors)
        yield from (("processor", its) for its in list(self.processors))
        yield "console", self.console

    def answered(self, collector: Collector, status: int) -> int:
        return statuses(self.browsers, collector.site)[status]

    def get(self, path: str) -> Any:
        return json.loads(self.console.get(path, 60))

    def troubles(self) -> list[Trouble]:
        return [Trouble(its.name, its.name in _END_PROCESSES, partial(its.do, self)) for its in ALL]


@contextlib.contextmanager
def many(folder: Path) -> Iterator[Many]:
    """Up, with its Kafka and its ClickHouse."""
    with (
        ClickHouseServer(folder / "store", user="sentinel", password="p@ss:/word") as store,
        Cluster(folder / "kafka", brokers=3) as cluster,
        Many(folder, cluster, store) as world,
    ):
        world.begin()
        yield world
