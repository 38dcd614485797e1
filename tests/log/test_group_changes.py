"""Partitions go from one processor to another, and no batch is lost, stored by two, or uncommitted by a late comer."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka.protocol.group import LeaveGroupRequest

from log import group, membership
from log.group import GroupConsumer
from log.places import KafkaPlace
from log.protocols import Batch, Lost
from tests.log.test_group import SECONDS, envelope, numbers, stored, taken
from tests.support.shipping import until
from tests.support.topics import commit, committed, new_place, send

SESSION = 2.5  # seconds; a busy machine may keep a heartbeat waiting for one


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.1)
    monkeypatch.setattr(membership, "SESSION_SECONDS", SESSION)


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap)


@contextlib.asynccontextmanager
async def consuming(place: KafkaPlace) -> AsyncIterator[GroupConsumer]:
    consumer = GroupConsumer(place)
    try:
        yield consumer
    finally:
        await consumer.close()


async def store_all(consumer: GroupConsumer, into: list[Batch], until: asyncio.Event) -> None:
    """As a processor does: what it loses, it forgets."""
    while not until.is_set():
        batch = await consumer.next()
        if batch is None:
            continue
        try:
            await consumer.intend(batch)
            await asyncio.sleep(0.01)
            await consumer.commit(batch)
        except Lost:
            continue
        into.append(batch)


def test_two_share_the_partitions_and_store_each_delivery_once(kafka):
    place = new_place(kafka.bootstrap, 6)
    by: tuple[list[Batch], list[Batch]] = ([], [])
    sent: list[int] = []

    async def fill() -> None:
        for number in range(60):
            sent.append(number)
            await send(place, envelope(number), partition=number % 6)

    def found() -> list[int]:
        return sorted(number for batches in by for batch in batches for number in numbers(batch))

    async def run() -> None:
        done = asyncio.Event()
        async with consuming(place) as first, consuming(place) as second:
            working = [asyncio.create_task(store_all(first, by[0], done))]
            await asyncio.sleep(0.5)
            working.append(asyncio.create_task(store_all(second, by[1], done)))
            await fill()
            await until(lambda: len(found()) == 60)
            done.set()
            await asyncio.gather(*working)

    asyncio.run(run())
    assert found() == sent
    assert by[0]
    assert by[1]


def test_a_batch_under_way_when_the_group_changes_is_lost_and_repeated_by_whoever_has_it_then(kafka):
    place = new_place(kafka.bootstrap, 2)
    for partition in (0, 1):
        asyncio.run(send(place, envelope(10 * partition), envelope(10 * partition + 1), partition=partition))

    async def run() -> None:
        async with consuming(place) as first, consuming(place) as second:
            batch = await taken(first)
            batch.decided = b"decided"
            await first.intend(batch)
            joining = asyncio.create_task(taken(second))
            with contextlib.suppress(Lost):
                async with asyncio.timeout(SECONDS):
                    while True:
                        await first.intend(batch)
                        await asyncio.sleep(0.05)
            with pytest.raises(Lost):
                await first.commit(batch)
            its, others = await asyncio.gather(taken(first), joining)
            assert batch in (its, others)
            for consumer, one in ((first, its), (second, others)):
                await consumer.intend(one)
                await consumer.commit(one)

    asyncio.run(run())
    assert asyncio.run(committed(place, (0, 1))) == [(2, ""), (2, "")]


_FROZEN = f"""
import asyncio, sys
from log import group, membership
from log.group import GroupConsumer
from log.places import KafkaPlace
from log.protocols import Lost
from tests.log.test_group import taken
group.LINGER_SECONDS, membership.SESSION_SECONDS = 0.1, {SESSION}
async def main():
    consumer = GroupConsumer(KafkaPlace(brokers=(sys.argv[1],), topic=sys.argv[2], group=sys.argv[3]))
    batch = await taken(consumer)
    await consumer.intend(batch)
    print(batch.id, flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            await getattr(consumer, line.strip())(batch)
            print("done", flush=True)
        except Lost:
            print("lost", flush=True)
    await consumer.close()
asyncio.run(main())
"""


@pytest.fixture
def other(place) -> Iterator[subprocess.Popen[str]]:
    """A processor of its own that intends the first batch, says its id, and then does what it is told."""
    asyncio.run(send(place, *(envelope(number) for number in range(5))))
    arguments = [place.brokers[0], place.topic, place.group]
    with subprocess.Popen(
        [sys.executable, "-c", _FROZEN, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."},
    ) as process:  # fmt: skip
        yield process
        process.send_signal(signal.SIGCONT)
        process.stdin.close()
        process.wait(SECONDS)


@pytest.mark.parametrize(("late", "alone"), [("commit", False), ("intend", True), ("commit", True)])
def test_one_that_was_frozen_past_its_session_can_commit_nothing_when_it_thaws(place, other, late, alone):
    """Also when nobody is in the group any more, where Kafka takes offsets from strangers."""
    name = other.stdout.readline().strip()
    other.send_signal(signal.SIGSTOP)

    async def run() -> None:
        async with consuming(place) as successor:
            repeat = await taken(successor)
            assert (repeat.id, numbers(repeat)) == (name, [0, 1, 2, 3, 4])
            await successor.intend(repeat)
            await successor.commit(repeat)
            await send(place, *(envelope(number) for number in range(5, 20)))
            while (await committed(place))[0][0] < 20:
                await stored(successor)
            if not alone:
                await asyncio.to_thread(thaw)
        if alone:
            await asyncio.to_thread(thaw)

    def thaw() -> None:
        other.stdin.write(late + "\n")
        other.stdin.flush()
        other.send_signal(signal.SIGCONT)
        assert other.stdout.readline() == "lost\n"

    asyncio.run(run())
    assert asyncio.run(committed(place)) == [(20, "")]


def test_one_that_was_killed_leaves_its_batch_to_the_next(place, other):
    name = other.stdout.readline().strip()
    other.kill()

    async def run() -> None:
        async with consuming(place) as successor:
            repeat = await stored(successor)
            assert (repeat.id, numbers(repeat)) == (name, [0, 1, 2, 3, 4])

    asyncio.run(run())


def test_one_that_has_just_heard_that_it_is_no_member_any_more_commits_nothing(place):
    """The moment between the answer to a heartbeat and the next meeting, with nobody else in the group."""
    asyncio.run(send(place, envelope(1), envelope(2)))

    async def run() -> None:
        async with consuming(place) as consumer:
            batch = await taken(consumer)
            await consumer.intend(batch)
            coordinator = consumer._membership.consumer._coordinator
            await coordinator._send_req(LeaveGroupRequest(place.group, coordinator.member_id))  # as after its session
            await commit(place, 2)
            coordinator.reset_generation()
            with pytest.raises(Lost):
                await consumer.commit(batch)
            with pytest.raises(Lost):
                await consumer.intend(batch)

    asyncio.run(run())
    assert asyncio.run(committed(place)) == [(2, "")]


def test_while_the_group_waits_for_a_frozen_member_nothing_hangs(place, other):
    other.stdout.readline()
    took: list[float] = []

    async def run() -> None:
        async with consuming(place) as second, consuming(place) as third:
            await second.next()
            other.send_signal(signal.SIGSTOP)
            joining = asyncio.create_task(third.next())
            while not joining.done():
                began = time.monotonic()
                await second.next()
                took.append(time.monotonic() - began)

    asyncio.run(run())
    assert sum(took) > SESSION / 2
    assert max(took) < 10
