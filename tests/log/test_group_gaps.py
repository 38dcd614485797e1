"""What Kafka has deleted before it was read is told, and what is left of it is read on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from log import group
from log.group import GroupConsumer
from log.places import KafkaPlace
from schema import metrics
from tests.log.test_group import envelope, numbers, stored, taken
from tests.support.topics import committed, new_place, send


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.1)


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


def test_what_retention_took_away_before_it_was_read_is_a_gap_and_the_rest_goes_on(place, caplog):
    asyncio.run(send(place, *(envelope(number) for number in range(5))))
    before = metrics.LOG_GAPS._value.get()

    async def run() -> Any:
        async with consuming(place) as consumer:
            await stored(consumer)
        await send(place, *(envelope(number) for number in range(5, 9)))
        admin = AIOKafkaAdminClient(bootstrap_servers=list(place.brokers))
        await admin.start()
        await admin.delete_records({TopicPartition(place.topic, 0): RecordsToDelete(7)})
        await admin.close()
        async with consuming(place) as consumer:
            return numbers(await stored(consumer))

    assert asyncio.run(run()) == [7, 8]
    assert metrics.LOG_GAPS._value.get() == before + 1
    assert "the log does not hold what was to be read next" in caplog.text


def test_what_retention_left_of_a_batch_goes_under_the_batchs_id(place):
    """It may have been applied, and all that is not known is the answer: another id would count the rest twice."""
    asyncio.run(send(place, *(envelope(number) for number in range(5))))

    async def run() -> tuple[Any, Any]:
        async with consuming(place) as consumer:
            first = await taken(consumer)
            first.decided = b""
            await consumer.intend(first)
        admin = AIOKafkaAdminClient(bootstrap_servers=list(place.brokers))
        await admin.start()
        await admin.delete_records({TopicPartition(place.topic, 0): RecordsToDelete(3)})
        await admin.close()
        async with consuming(place) as consumer:
            return first, await stored(consumer)

    first, rest = asyncio.run(run())
    assert rest.id == first.id
    assert numbers(rest) == [3, 4]


def test_the_marks_of_other_peoples_transactions_are_passed_and_are_no_gap(place, caplog):
    """They take offsets and hold nothing: without passing them a log would never be empty."""
    before = metrics.LOG_GAPS._value.get()

    async def run() -> list[int]:
        async with AIOKafkaProducer(
            bootstrap_servers=list(place.brokers), transactional_id=f"transactions-{place.topic}"
        ) as producer:
            for number in (1, 2):
                async with producer.transaction():
                    await producer.send_and_wait(place.topic, envelope(number), partition=0)
        found: list[int] = []
        async with consuming(place) as consumer:
            async with asyncio.timeout(30):
                while not await consumer.empty():
                    if (batch := await consumer.next()) is not None:
                        await consumer.intend(batch)
                        await consumer.commit(batch)
                        found += numbers(batch)
        return found

    assert asyncio.run(run()) == [1, 2]
    assert asyncio.run(committed(place)) == [(4, "")]
    assert metrics.LOG_GAPS._value.get() == before
    assert "does not hold what was to be read" not in caplog.text
