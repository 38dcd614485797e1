"""Batches from Kafka: fixed ranges of a partition, repeated exactly, and forgotten only once they are stored."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from log import group, protocols
from log.group import GroupConsumer
from log.places import KafkaPlace
from log.protocols import BATCH_DELIVERIES, DECIDED_BYTES, USUAL_ROOM, Batch, Lost, Room
from schema.delivery import Delivery, Kind, encode
from schema.envelope import pack
from tests.support.topics import commit, committed, new_place, send

SECONDS = 30


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.1)


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap)


def envelope(*numbers: int, size: int = 0) -> bytes:
    found = [Delivery(number, "shop", Kind.REPORTS, 1, b"", b"%d " % number + os.urandom(size)) for number in numbers]
    return pack("id", "host/0", 1, [encode(delivery) for delivery in found])


def numbers(batch: Batch) -> list[int]:
    return [delivery.received_ms for delivery in batch.deliveries]


async def taken(consumer: GroupConsumer, room: Room = USUAL_ROOM) -> Batch:
    async with asyncio.timeout(SECONDS):
        while True:
            if (batch := await consumer.next(room)) is not None:
                return batch


async def stored(consumer: GroupConsumer, decided: bytes = b"", room: Room = USUAL_ROOM) -> Batch:
    """A batch, as a processor goes about it."""
    batch = await taken(consumer, room)
    batch.decided = batch.decided or decided
    await consumer.intend(batch)
    await consumer.commit(batch)
    return batch


def with_consumer(place: KafkaPlace, *steps: Callable[[GroupConsumer], Coroutine[Any, Any, Any]]) -> list[Any]:
    """One after another, by a consumer that then leaves."""

    async def run() -> list[Any]:
        consumer = GroupConsumer(place)
        try:
            return [await step(consumer) for step in steps]
        finally:
            await consumer.close()

    return asyncio.run(run())


def test_what_is_in_the_topic_comes_in_order_and_is_committed(place):
    asyncio.run(send(place, envelope(1, 2), envelope(3)))
    [batch] = with_consumer(place, stored)
    assert numbers(batch) == [1, 2, 3]
    assert asyncio.run(committed(place)) == [(2, "")]
    asyncio.run(send(place, envelope(4)))
    [batch] = with_consumer(place, stored)
    assert numbers(batch) == [4]
    assert asyncio.run(committed(place)) == [(3, "")]


def test_an_empty_topic_gives_nothing(place):
    [batch, empty] = with_consumer(place, GroupConsumer.next, GroupConsumer.empty)
    assert batch is None
    assert empty


def test_a_batch_lies_in_one_partition_and_the_oldest_first_record_goes_first(kafka):
    place = new_place(kafka.bootstrap, 3)
    for number, partition in enumerate((2, 0, 1, 0)):
        asyncio.run(send(place, envelope(number), partition=partition))
    batches = with_consumer(place, stored, stored, stored)
    assert [numbers(batch) for batch in batches] == [[0], [1, 3], [2]]
    assert len({batch.id for batch in batches}) == 3
    assert asyncio.run(committed(place, range(3))) == [(2, ""), (1, ""), (1, "")]


@pytest.mark.parametrize("commit_first", [False, True])
def test_a_batch_that_was_intended_is_repeated_exactly_though_more_has_come(place, commit_first):
    asyncio.run(send(place, envelope(0)))
    if commit_first:
        with_consumer(place, stored)
    asyncio.run(send(place, envelope(1, 2), envelope(3)))

    async def intend(consumer: GroupConsumer) -> Batch:
        batch = await taken(consumer)
        batch.decided = b"decided"
        await consumer.intend(batch)
        return batch

    [first] = with_consumer(place, intend)
    asyncio.run(send(place, envelope(4), envelope(5)))
    for _ in range(2):  # and again, should the second come to nothing too
        [repeat] = with_consumer(place, intend)
        assert repeat == first
    [repeat, rest] = with_consumer(place, stored, stored)
    assert repeat == first
    assert numbers(rest) == [4, 5]
    assert rest.id != first.id
    assert rest.decided == b""


def test_a_batch_that_was_not_intended_may_be_another_next_time(place):
    asyncio.run(send(place, envelope(1)))
    [first] = with_consumer(place, taken)
    asyncio.run(send(place, envelope(2)))
    [second] = with_consumer(place, taken)
    assert numbers(second) == [1, 2]
    assert second.id != first.id
    assert second.decided is None


def test_a_batch_that_was_not_committed_comes_again_from_the_same_consumer(place):
    asyncio.run(send(place, envelope(1)))

    async def intend(consumer: GroupConsumer) -> Batch:
        batch = await taken(consumer)
        await consumer.intend(batch)
        return batch

    first, second, third = with_consumer(place, intend, taken, stored)
    assert first.id == second.id == third.id
    assert numbers(first) == numbers(second) == numbers(third)


def test_a_batch_holds_so_many_deliveries_that_a_bit_for_each_fits_beside_the_offset(place):
    full = BATCH_DELIVERIES // 4
    asyncio.run(send(place, *(envelope(*range(full)) for _ in range(5)), envelope(1)))
    first, rest = with_consumer(place, lambda consumer: stored(consumer, os.urandom(DECIDED_BYTES)), stored)
    assert len(first.deliveries) == BATCH_DELIVERIES
    assert len(rest.deliveries) == full + 1


def test_a_batch_holds_no_more_reports_than_memory_has_room_for_however_short_they_are(place):
    asyncio.run(send(place, *(envelope(*range(number, number + 4)) for number in range(0, 16, 4))))
    batches = with_consumer(place, *[lambda consumer: stored(consumer, room=Room(reports=10))] * 2)
    assert [len(batch.deliveries) for batch in batches] == [12, 4]


def test_a_batch_holds_so_many_bytes_and_the_record_that_goes_over(place):
    asyncio.run(send(place, *(envelope(number, size=40_000) for number in range(7))))
    batches = with_consumer(place, *[lambda consumer: stored(consumer, room=Room(100_000))] * 3)
    assert [numbers(batch) for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]


def test_an_envelope_of_many_megabytes_is_read(kafka):
    place = new_place(kafka.bootstrap, **{"max.message.bytes": "10000000"})
    asyncio.run(send(place, envelope(1, size=5_000_000)))
    [batch] = with_consumer(place, stored)
    assert numbers(batch) == [1]


def test_an_offset_beyond_the_end_is_another_topics_and_this_one_is_read_from_its_start(place, caplog):
    asyncio.run(send(place, envelope(1)))
    asyncio.run(commit(place, 500))
    [batch] = with_consumer(place, stored)
    assert numbers(batch) == [1]
    assert "the log does not hold what was to be read next" in caplog.text
    assert asyncio.run(committed(place)) == [(1, "")]


def test_envelopes_without_deliveries_are_passed_and_committed(place):
    asyncio.run(send(place, envelope(), envelope()))
    [batch] = with_consumer(place, stored)
    assert batch.deliveries == []
    assert asyncio.run(committed(place)) == [(2, "")]


def test_it_is_empty_when_the_whole_group_has_committed_everything(place):
    asyncio.run(send(place, envelope(1), envelope(2)))
    before, _, after = with_consumer(place, GroupConsumer.empty, stored, GroupConsumer.empty)
    assert not before
    assert after


def test_lag_is_the_age_of_the_oldest_delivery_that_waits(place):
    asyncio.run(send(place, envelope(1)))  # received in 1970
    _, lag = with_consumer(place, taken, lambda consumer: asyncio.sleep(0, consumer.lag()))
    assert lag > 50 * 365 * 86_400
    *_, lag = with_consumer(place, stored, GroupConsumer.next, lambda consumer: asyncio.sleep(0, consumer.lag()))
    assert lag == 0


def test_a_batch_that_is_not_handed_out_cant_be_intended_or_committed(place):
    async def refuse(consumer: GroupConsumer) -> None:
        for attempt in (consumer.intend, consumer.commit):
            with pytest.raises(Lost):
                await attempt(Batch("id", []))

    with_consumer(place, refuse, GroupConsumer.next, refuse)
    assert protocols.BATCH_DELIVERIES <= 8 * DECIDED_BYTES


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_a_producer_or_broker_compressed_is_read(place, codec):
    async def run() -> None:
        async with AIOKafkaProducer(bootstrap_servers=list(place.brokers), compression_type=codec) as producer:
            await producer.send_and_wait(place.topic, envelope(1), partition=0)

    asyncio.run(run())
    [batch] = with_consumer(place, stored)
    assert numbers(batch) == [1]
