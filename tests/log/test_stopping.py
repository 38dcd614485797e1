"""Ending a client of Kafka, whatever it is about: no error of its own tasks ends who stops it."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from log.kafka import connection, stop
from log.places import KafkaPlace


@pytest.fixture
def consumer_in():
    """Runs `steps` with a consumer, in a loop of its own."""

    def run(place, steps):
        async def whole():
            consumer = AIOKafkaConsumer(**connection(place), group_id=None)
            await consumer.start()
            await steps(consumer)

        asyncio.run(whole())

    return run


def test_a_fetch_that_waits_to_be_tried_again_does_not_cancel_who_stops_the_consumer(kafka, consumer_in):
    """After each fetch that failed aiokafka waits 0.1 s: while Kafka is away a consumer is nearly always there."""

    async def steps(consumer):
        waiting = asyncio.create_task(asyncio.sleep(60))
        consumer._fetcher._pending_tasks.add(waiting)
        await asyncio.sleep(0)
        await stop(consumer)
        assert waiting.cancelled()
        assert not consumer._client._conns

    consumer_in(KafkaPlace(brokers=(kafka.bootstrap,)), steps)


def test_who_stops_a_consumer_can_be_cancelled(kafka, consumer_in):
    async def steps(consumer):
        stopping = asyncio.create_task(stop(consumer))
        await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        await stop(consumer)

    consumer_in(KafkaPlace(brokers=(kafka.bootstrap,)), steps)
