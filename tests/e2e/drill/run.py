"""One drill from its beginning to its verdict."""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from tests.e2e.drill import where
from tests.e2e.drill.faults import Fault
from tests.e2e.drill.report import written
from tests.e2e.drill.schedule import Schedule
from tests.e2e.drill.senders import Request
from tests.e2e.drill.verdict import judge, stored
from tests.e2e.drill.watch import Watch
from tests.e2e.drill.world import World
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.kafka.cluster import Cluster


class Plan(NamedTuple):
    """`alone`, `together`: seconds; a `together` of None: each of the faults once. `rate`: requests a second."""

    seed: int
    collectors: str
    processors: int
    rate: float
    faults: Sequence[Fault]
    alone: float
    together: float | None


def drill(folder: Path, plan: Plan, tell: Callable[[str], None]) -> bool:
    """Whether everything holds; `folder` then has the logs of all, `requests.jsonl`, and `wrong.txt` if not."""
    began = time.monotonic()

    def say(line: str) -> None:
        tell(f"{time.monotonic() - began:7.1f} s  {line}")

    with ThreadPoolExecutor(1) as beside, contextlib.ExitStack() as stack:
        made = beside.submit(ClickHouseServer, folder / "store", user="sentinel", password="p@ss:/word")
        cluster = stack.enter_context(Cluster(folder / "kafka", brokers=3))
        world = stack.enter_context(World(folder, cluster, stack.enter_context(made.result())))
        world.start(plan.collectors, plan.processors)
        say(f"everything is up; seed {plan.seed}")
        return _under_load(world, plan, say)


def _under_load(world: World, plan: Plan, say: Callable[[str], None]) -> bool:
    world.load(plan.rate, plan.seed)
    watch = Watch(world)
    watch.start()
    schedule = Schedule(world, watch, plan.seed, say)
    began = time.monotonic()
    time.sleep(2)
    schedule.alone(plan.faults, began + plan.alone)
    schedule.together(plan.faults, None if plan.together is None else began + plan.alone + plan.together)
    time.sleep(1)
    world.stop_load()
    say("the load has stopped")
    ended = time.monotonic()
    try:
        ledger = world.settle()
    except AssertionError as error:
        say(f"it does not settle: {error}")
        ledger = world.ledger()
    settled = time.monotonic() - ended
    time.sleep(1)  # for the last probes
    watch.stop()
    requests = list(world.requests())
    _keep(world.folder / "requests.jsonl", requests)
    verdict = judge(requests, stored(world), ledger)
    for line in written(verdict, schedule.happened, watch, requests, settled):
        say(line)
    if verdict.wrong:
        found = where.told(verdict, world.place)
        (world.folder / "wrong.txt").write_text("\n".join(found) + "\n")
        for line in found[:20]:
            say(line)
    return verdict.holds and not schedule.failed


def _keep(path: Path, requests: Iterable[Request]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(asdict(request)) + "\n" for request in requests)
