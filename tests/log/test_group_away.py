"""A Kafka that can't be read is told, and read again when it can be: a processor never waits without saying so."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from aiokafka.errors import RequestTimedOutError

from log import group, membership
from log import kafka as log_kafka
from log.group import GroupConsumer
from log.kafka import CannotReach, NoTopic
from log.places import KafkaPlace
from log.protocols import Batch, Lost
from tests.log.test_group import envelope, numbers, stored, taken
from tests.support.kafka.cluster import Cluster
from tests.support.kafka.listeners import USER
from tests.support.topics import committed, described, make, new_place, send


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.1)
    monkeypatch.setattr(membership, "SESSION_SECONDS", 2.5)
    monkeypatch.setattr(membership, "_SILENT_SECONDS", 1.5)
    monkeypatch.setattr(membership, "_COMMIT_SECONDS", 1)
    monkeypatch.setattr(log_kafka, "REQUEST_TIMEOUT_MS", 2000)
    monkeypatch.setattr(log_kafka, "_STOP_SECONDS", 0.5)


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap)


@contextlib.contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    cluster.freeze(1)
    try:
        yield
    finally:
        cluster.thaw(1)


@contextlib.asynccontextmanager
async def consuming(place: KafkaPlace) -> AsyncIterator[GroupConsumer]:
    consumer = GroupConsumer(place)
    try:
        yield consumer
    finally:
        await consumer.close()


async def told(consumer: GroupConsumer, seconds: float = 60) -> str:
    """The sentence that comes sooner or later, once there are no more batches."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await consumer.next()
            except CannotReach as error:
                return str(error)


async def until_there(consumer: GroupConsumer) -> Batch:
    """The next batch, stored."""
    while True:
        with contextlib.suppress(CannotReach, Lost):
            return await stored(consumer)


def test_a_kafka_that_was_never_there_is_told():
    async def run() -> None:
        async with consuming(KafkaPlace(brokers=("127.0.0.1:1",))) as consumer:
            for _ in range(2):
                with pytest.raises(CannotReach, match=r"127\.0\.0\.1:1 can't be reached"):
                    await consumer.next()

    asyncio.run(run())


def test_a_missing_topic_is_told_not_made_and_read_once_it_is_there(kafka):
    place = KafkaPlace(brokers=(kafka.bootstrap,), topic=f"topic-{time.time_ns()}", group=f"group-{time.time_ns()}")

    async def run() -> None:
        async with consuming(place) as consumer:
            with pytest.raises(NoTopic, match="`csp-sentinel init` creates it"):
                await consumer.next()
            assert place.topic not in await described(place)
            await make(place, place.topic)
            await send(place, envelope(1))
            assert numbers(await until_there(consumer)) == [1]

    asyncio.run(run())


def test_a_wrong_password_is_told(kafka, place):
    user = {"user": USER, "password": "wrong", "mechanism": "PLAIN"}
    place = dataclasses.replace(place, brokers=(kafka.address("SASL_PLAINTEXT"),), **user)

    async def run() -> None:
        async with consuming(place) as consumer:
            with pytest.raises(CannotReach, match=rf"refuses the user {USER} \(PLAIN\)"):
                await consumer.next()

    asyncio.run(run())


def test_a_kafka_that_goes_away_is_told_and_read_on_when_it_is_back(kafka, place):
    asyncio.run(send(place, envelope(1)))

    async def run() -> None:
        async with consuming(place) as consumer:
            assert numbers(await stored(consumer)) == [1]
            with frozen(kafka):
                assert kafka.bootstrap in await told(consumer)
            await send(place, envelope(2))
            assert numbers(await until_there(consumer)) == [2]

    asyncio.run(run())
    assert asyncio.run(committed(place)) == [(2, "")]


def test_a_batch_that_cant_be_intended_or_committed_now_can_be_later(kafka, place, monkeypatch):
    monkeypatch.setattr(group, "_FAILURES", 100)
    monkeypatch.setattr(membership, "SESSION_SECONDS", 20)
    asyncio.run(send(place, envelope(1)))

    async def later(step: Callable[[Batch], Awaitable[None]], batch: Batch) -> None:
        with frozen(kafka), pytest.raises(CannotReach):
            await step(batch)
        while True:
            with contextlib.suppress(CannotReach):
                return await step(batch)

    async def run() -> None:
        async with consuming(place) as consumer:
            batch = await taken(consumer)
            await later(consumer.intend, batch)
            await later(consumer.commit, batch)

    asyncio.run(run())
    assert asyncio.run(committed(place)) == [(1, "")]


def test_a_membership_that_fails_again_and_again_is_given_up_and_the_batch_repeated(place, monkeypatch):
    asyncio.run(send(place, envelope(1)))

    async def fail(*_: object) -> None:
        raise RequestTimedOutError

    async def run() -> None:
        async with consuming(place) as consumer:
            batch = await taken(consumer)
            await consumer.intend(batch)
            with monkeypatch.context() as broken:
                broken.setattr(membership.Membership, "_commit", fail)
                for expected in (CannotReach, CannotReach, Lost):
                    with pytest.raises(expected):
                        await consumer.commit(batch)
            repeat = await stored(consumer)
            assert (repeat.id, numbers(repeat)) == (batch.id, [1])

    asyncio.run(run())


def test_a_kafka_that_cant_coordinate_groups_is_told(tmp_path, monkeypatch):
    """As one broker with Kafka's own defaults, where a group's topic wants three copies."""
    monkeypatch.setattr(membership, "_JOIN_SECONDS", 1.5)
    with Cluster(tmp_path, settings={"offsets.topic.replication.factor": "3"}) as cluster:
        place = new_place(cluster.bootstrap)

        async def run() -> None:
            async with consuming(place) as consumer:
                sentence = await told(consumer)
                assert sentence.startswith(
                    f"Kafka at {cluster.bootstrap} can't be used: no broker coordinates the group"
                )
                assert "__consumer_offsets" in sentence
