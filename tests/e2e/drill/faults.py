"""What goes wrong in the drill. Each fault returns when it is over, and says whom it hit and by what it showed."""

import os
import re
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from log.membership import SESSION_SECONDS
from tests.e2e.drill.stages import Collector, Processor
from tests.e2e.drill.world import PARTITIONS, World
from tests.support.clickhouse_faults import Counts
from tests.support.waiting import wait_for

_ROOM_BYTES = 20_000  # left on the small disk, for the spool to fill


class Fault(NamedTuple):
    """Those of a lane never meet. `do` raises AssertionError where it did not happen, or what it hit stays away."""

    name: str
    lane: str
    do: Callable[[World, Random], str]


def kill_worker(world: World, chance: Random) -> str:
    with world.collectors_calm:
        collector = chance.choice(world.collectors)
        return _kill_a_worker_of(collector, chance)


def _kill_a_worker_of(collector: Collector, chance: Random) -> str:
    before = wait_for(f"{collector.name} has workers", collector.workers)
    victim = chance.choice(before)
    os.kill(victim, signal.SIGKILL)
    wait_for(
        f"{collector.name} starts a worker again",
        lambda: victim not in (now := collector.workers()) and len(now) == len(before) and collector.answers(),
    )
    return f"{collector.name}, worker {victim}"


def freeze_worker(world: World, chance: Random) -> str:
    with world.collectors_calm:
        collector = chance.choice(world.collectors)
        victim = chance.choice(wait_for(f"{collector.name} has workers", collector.workers))
        seconds = chance.uniform(2, 5)
        freeze(victim, seconds)
        return f"{collector.name}, worker {victim}, {seconds:.1f} s"


def freeze(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        assert state == "T"  # proc_pid_stat(5): stopped on a signal
    finally:
        os.kill(pid, signal.SIGCONT)


def kill_collector(world: World, chance: Random) -> str:
    with world.collectors_calm:
        return _kill(chance.choice(world.collectors), chance)


def _kill(collector: Collector, chance: Random) -> str:
    collector.kill()
    return _start_again(collector, chance)


def stop_collector(world: World, chance: Random) -> str:
    with world.collectors_calm:
        collector = chance.choice(world.collectors)
        code = collector.stop()
        assert code == 0, f"{collector.name} ended with {code}"
        return _start_again(collector, chance)


def _start_again(collector: Collector, chance: Random) -> str:
    time.sleep(chance.uniform(0, 2))
    if collector.site == "a":
        collector.workers_wanted = 3 - collector.workers_wanted  # the spool of one that is not started again is adopted
    collector.start()
    return f"{collector.name}, again with {collector.workers_wanted} workers"


def kill_processor(world: World, chance: Random) -> str:
    victim = chance.choice(world.processors)
    world.processors.remove(victim)
    victim.kill()
    time.sleep(chance.uniform(0, 2))
    return f"{victim.name}, then {world.add_processor().name}"


def stop_processor(world: World, chance: Random) -> str:
    victim = chance.choice(world.processors)
    world.processors.remove(victim)
    code = victim.stop()
    assert code == 0, f"{victim.name} ended with {code}"
    return f"{victim.name}, then {world.add_processor().name}"


def freeze_processor(world: World, chance: Random) -> str:
    """Longer than its session lasts, and until the others have its partitions: then it must not store any more."""
    victim = chance.choice([processor for processor in world.processors if processor.partitions()] or world.processors)
    others = [processor for processor in world.processors if processor is not victim]
    began = time.monotonic()
    os.kill(victim.process.pid, signal.SIGSTOP)
    try:
        time.sleep(SESSION_SECONDS + chance.uniform(3, 6))
        wait_for("the others read all partitions", lambda: sum(map(Processor.partitions, others)) == PARTITIONS)
    finally:
        os.kill(victim.process.pid, signal.SIGCONT)
    return f"{victim.name}, {time.monotonic() - began:.0f} s, until the others had its partitions"


def kill_broker(world: World, chance: Random) -> str:
    return _kill_broker(world, chance, chance.choice(world.cluster.numbers))


def kill_coordinator(world: World, chance: Random) -> str:
    """Of the processors' group."""
    number = wait_for("the group has a coordinator", world.coordinator)
    return _kill_broker(world, chance, number) + ", the group's coordinator"


def kill_controller(world: World, chance: Random) -> str:
    return _kill_broker(world, chance, _controller(world)) + ", the active controller"


def _kill_broker(world: World, chance: Random, number: int) -> str:
    pid, seconds = world.cluster.pid(number), chance.uniform(4, 10)
    world.cluster.kill(number)
    time.sleep(seconds)
    world.cluster.start(number)
    assert world.cluster.pid(number) != pid
    return f"broker {number}, away {seconds:.0f} s and its start"


def _controller(world: World) -> int:
    """The last one that said so in its log."""
    said = [
        (int(match[2]), int(match[1]))
        for number in world.cluster.numbers
        for match in re.finditer(
            r"QuorumController id=(\d+)\] Becoming the active controller at epoch (\d+)",
            world.cluster.log(number).read_text(errors="replace"),
        )
    ]
    return max(said)[1]


def freeze_broker(world: World, chance: Random) -> str:
    number, seconds = chance.choice(world.cluster.numbers), chance.uniform(5, 15)
    freeze(world.cluster.pid(number), seconds)
    return f"broker {number}, {seconds:.0f} s"


def lose_kafka(world: World, chance: Random) -> str:
    """All brokers at once; a collector goes on answering from its spool, but for the one that waits for Kafka."""
    patient = [collector for collector in world.collectors if collector.site != "c"]
    before = {collector.site: world.answered(collector, 204) for collector in patient}
    for number in world.cluster.numbers:
        world.cluster.kill(number)
    seconds = chance.uniform(8, 14)
    time.sleep(seconds)
    waiting = sum(map(Collector.spool_bytes, world.collectors))
    taken = {collector.site: world.answered(collector, 204) - before[collector.site] for collector in patient}
    world.cluster.start(*world.cluster.numbers)
    assert sum(taken.values()) > 0, "no collector answered 204 while Kafka was away"
    assert waiting > 0
    return f"all three, {seconds:.0f} s and their start; answered 204 meanwhile: {taken}, {waiting} B in the spools"


def fill_disk(world: World, chance: Random) -> str:
    """With two of three brokers dead nothing is shipped; the disk stays as full as it is while the spool drains."""
    return _fill_disk(world, chance, None)


def fill_disk_and_kill_worker(world: World, chance: Random) -> str:
    """The same, and the worker is killed while there is not a byte left."""
    return _fill_disk(world, chance, _kill_a_worker_of)


def fill_disk_and_kill(world: World, chance: Random) -> str:
    """The same with the whole collector."""
    return _fill_disk(world, chance, _kill)


def _fill_disk(world: World, chance: Random, kill: Callable[[Collector, Random], str] | None) -> str:
    with world.collectors_calm:
        collector = world.collector("b")
        dead = chance.sample(list(world.cluster.numbers), 2)
        for number in dead:
            world.cluster.kill(number)
        try:
            then = partial(kill, collector, chance) if kill else None
            return f"{collector.name}: {_until_full(world, collector, dead, then)}"
        finally:
            world.disk.make_room()


def _until_full(world: World, collector: Collector, dead: list[int], kill: Callable[[], str] | None) -> str:
    before = world.answered(collector, 503)
    try:
        world.disk.fill_but(_ROOM_BYTES)
        wait_for("a full disk is answered 503", lambda: world.answered(collector, 503) > before + 5)
        free, waiting = world.disk.free_bytes(), collector.spool_bytes()
        if kill:
            kill()
    finally:
        world.cluster.start(*dead)
    began, taken = time.monotonic(), world.answered(collector, 204)
    wait_for("a full spool drains, and takes reports again", lambda: world.answered(collector, 204) > taken + 20)
    refused = world.answered(collector, 503) - before
    return (
        f"{free} B free, {waiting} B in its spool, {refused} requests answered 503; took reports again "
        f"{time.monotonic() - began:.0f} s after Kafka was back"
    )


def store_hangs(world: World, chance: Random) -> str:
    """Until the client's own timeout; the insert was applied."""
    table = chance.choice((None, "violations", "ledger"))
    world.store.hang_after_applying(only=table)
    return _until(world, table, lambda counts: counts.hung > 0, "hung after it applied an insert")


def store_cuts(world: World, chance: Random) -> str:
    table, times = chance.choice((None, "violations", "ledger")), chance.randint(1, 4)
    world.store.cut_after_applying(times=times, only=table)
    return _until(world, table, lambda counts: counts.cut >= times, f"cut after it applied an insert, {times} times")


def store_refuses(world: World, chance: Random) -> str:
    """Too many parts, read-only, memory limit."""
    code, times = chance.choice((252, 242, 241)), chance.randint(1, 2)
    world.store.refuse(code, times=times)
    return _until(world, None, lambda counts: counts.refused >= times, f"refused with {code}, {times} times")


def store_at_random(world: World, chance: Random) -> str:
    """Slow, refused, cut before, cut after, mixed."""
    seconds = chance.uniform(6, 12)
    world.store.random_faults(0.4, ("slow", "refuse", "cut_before", "cut_after"), seconds=1.5)
    time.sleep(seconds)
    return _until(world, None, lambda counts: counts.cut + counts.refused + counts.slowed > 0, "did wrong at random")


def _until(world: World, table: str | None, happened: Callable[[Counts], bool], what: str) -> str:
    def counted() -> Counts:
        counts = world.store.counts()
        chosen = [counts[table]] if table else list(counts.values())
        return Counts(*(sum(getattr(found, name) for found in chosen) for name in Counts.__struct_fields__))

    try:
        wait_for(f"the store {what}", lambda: happened(counted()))
    finally:
        world.store.heal()
        world.store.forget_counts()
    return f"{what}{f', table {table}' if table else ''}"


def kill_store(world: World, chance: Random) -> str:
    pid, seconds = world.store.process.pid, chance.uniform(1, 6)
    world.store.kill()
    time.sleep(seconds)
    world.store.start()
    assert world.store.process.pid != pid
    return f"away {seconds:.0f} s and its start"


def freeze_store(world: World, chance: Random) -> str:
    seconds = chance.uniform(3, 8)
    freeze(world.store.process.pid, seconds)
    return f"{seconds:.0f} s"
