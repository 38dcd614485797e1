"""Ending a client of Kafka, whatever it is about: no error of its own tasks ends who stops it."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ProducerClosed

from log.kafka import connection, look_for_topic, stop
from log.outbox import Outbox
from log.producer import Producer
from log.remembered import Flight
from tests.support.kafka.cluster import Cluster
from tests.support.topics import new_place

PARTITIONS = 4


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory) -> Iterator[Cluster]:
    """One that may be stopped."""
    with Cluster(tmp_path_factory.mktemp("own-kafka")) as cluster:
        yield cluster


@pytest.fixture
def place(own_kafka):
    return new_place(own_kafka.bootstrap, PARTITIONS, dead=False)


@pytest.fixture
def with_reader(place):
    """Runs `steps` with a consumer that reads a topic."""

    async def whole(steps):
        consumer = AIOKafkaConsumer(**connection(place), group_id=None)
        await consumer.start()
        consumer.assign([TopicPartition(place.topic, 0)])
        await consumer.getmany(timeout_ms=500)
        await steps(consumer)

    return lambda steps: asyncio.run(whole(steps))


def test_a_fetch_that_waits_to_be_tried_again_does_not_cancel_who_stops_the_consumer(with_reader):
    """After each fetch that failed aiokafka waits 0.1 s: while Kafka is away a consumer is nearly always there."""

    async def steps(consumer):
        waiting = asyncio.create_task(asyncio.sleep(60))
        consumer._fetcher._pending_tasks.add(waiting)
        await asyncio.sleep(0)
        await stop(consumer)
        assert waiting.cancelled()

    with_reader(steps)


def test_who_stops_a_consumer_can_be_cancelled(with_reader):
    async def steps(consumer):
        stopping = asyncio.create_task(stop(consumer))
        await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        await stop(consumer)

    with_reader(steps)


def test_a_producer_whose_kafka_died_with_requests_under_way_ends_quietly(own_kafka, place, tmp_path, caplog):
    """Wherever aiokafka is with what it sends again and again."""
    outbox = Outbox(tmp_path)

    async def steps():
        producer = await Producer.open(place, await look_for_topic(place), outbox)
        own_kafka.freeze(1)
        now = int(time.time() * 1000)
        flights = [Flight("segment", 0, 1, partition, 0, now) for partition in range(PARTITIONS)]
        sending = [asyncio.create_task(producer.send(b"record", flight)) for flight in flights]
        await asyncio.sleep(0.2)
        own_kafka.kill(1)
        await asyncio.sleep(0.05)
        await producer.close()
        failures = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(failure) for failure in failures] == [ProducerClosed] * PARTITIONS

    try:
        asyncio.run(steps())
    finally:
        outbox.close()
        own_kafka.start(1)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
