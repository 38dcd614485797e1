"""When what goes wrong: first each fault alone, then several at a time, all chosen by one seed."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.e2e.drill import faults
from tests.e2e.drill.faults import Fault
from tests.e2e.drill.watch import Watch
from tests.e2e.drill.world import World

CATCH_UP_SECONDS = 120
COLLECTORS, PROCESSORS, BROKERS, STORE = "collectors", "processors", "brokers", "store"
ALL = [
    Fault("collector worker killed", COLLECTORS, faults.kill_worker),
    Fault("collector worker frozen", COLLECTORS, faults.freeze_worker),
    Fault("collector killed", COLLECTORS, faults.kill_collector),
    Fault("collector stopped", COLLECTORS, faults.stop_collector),
    Fault("processor killed", PROCESSORS, faults.kill_processor),
    Fault("processor stopped", PROCESSORS, faults.stop_processor),
    Fault("processor frozen", PROCESSORS, faults.freeze_processor),
    Fault("broker killed", BROKERS, faults.kill_broker),
    Fault("coordinator killed", BROKERS, faults.kill_coordinator),
    Fault("controller killed", BROKERS, faults.kill_controller),
    Fault("broker frozen", BROKERS, faults.freeze_broker),
    Fault("Kafka away", BROKERS, faults.lose_kafka),
    Fault("disk full", BROKERS, faults.fill_disk),
    Fault("disk full, worker killed", BROKERS, faults.fill_disk_and_kill_worker),
    Fault("disk full, collector killed", BROKERS, faults.fill_disk_and_kill),
    Fault("store hangs", STORE, faults.store_hangs),
    Fault("store cuts", STORE, faults.store_cuts),
    Fault("store refuses", STORE, faults.store_refuses),
    Fault("store at random", STORE, faults.store_at_random),
    Fault("store killed", STORE, faults.kill_store),
    Fault("store frozen", STORE, faults.freeze_store),
]
BY_NAME = {fault.name: fault for fault in ALL}


@dataclass
class Happened:
    """`began` and `lasted` in seconds; `caught_up`: after its end, for one that came alone; `failed`: an assertion."""

    fault: Fault
    began: float
    lasted: float
    said: str
    caught_up: float | None = None
    failed: bool = False


class Schedule:
    """What happened so far is in `happened`; the first that did not happen as it should ends everything."""

    def __init__(self, world: World, watch: Watch, seed: int, tell: Callable[[str], None]) -> None:
        self.happened: list[Happened] = []
        self.began = time.monotonic()
        self._world, self._watch, self._seed, self._tell = world, watch, seed, tell
        self._failed = threading.Event()

    @property
    def failed(self) -> bool:
        return self._failed.is_set()

    def alone(self, chosen: Sequence[Fault], ends: float) -> None:
        """One after the other, each when all is well again; none begins after `ends`, of the monotonic clock."""
        chance = Random(f"{self._seed} alone")
        for fault in chance.sample(chosen, len(chosen)):
            if time.monotonic() > ends or self.failed:
                return
            found = self._do(fault, chance)
            found.caught_up = self._watch.catch_up(CATCH_UP_SECONDS)
            self._tell(f"    stored again after {'long' if found.caught_up is None else f'{found.caught_up:.1f} s'}")
            time.sleep(chance.uniform(1, 3))

    def together(self, chosen: Sequence[Fault], ends: float | None) -> None:
        """Those of a lane one after the other, the lanes beside each other; each once, then again until `ends`."""
        lanes = [[fault for fault in chosen if fault.lane == lane] for lane in (COLLECTORS, PROCESSORS, BROKERS, STORE)]
        threads = [threading.Thread(target=self._lane, args=(lane, ends)) for lane in lanes if lane]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _lane(self, lane: Sequence[Fault], ends: float | None) -> None:
        chance = Random(f"{self._seed} {lane[0].lane}")
        while True:
            for fault in chance.sample(lane, len(lane)):
                if self.failed or (ends is not None and time.monotonic() > ends):
                    return
                self._do(fault, chance)
                time.sleep(chance.uniform(2, 8))
            if ends is None:
                return

    def _do(self, fault: Fault, chance: Random) -> Happened:
        began = time.monotonic()
        failed = False
        try:
            said = fault.do(self._world, chance)
        except AssertionError as error:
            said, failed = str(error), True
            self._failed.set()
        found = Happened(fault, began - self.began, time.monotonic() - began, said, failed=failed)
        self.happened.append(found)
        self._tell(f"{fault.name}: {'DID NOT: ' if failed else ''}{said} ({found.lasted:.0f} s)")
        return found
