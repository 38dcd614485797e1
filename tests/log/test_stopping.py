"""Ending a client of Kafka, whatever it is about: no error of its own tasks ends who stops it."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from log.kafka import connection, stop
from tests.support.topics import new_place


@pytest.fixture
def with_reader(kafka):
    """Runs `steps` with a consumer that reads a topic."""
    place = new_place(kafka.bootstrap, dead=False)

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
