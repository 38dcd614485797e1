"""Whoever waits for Kafka hears when all up to a place in the spool is there, or that it took too long."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest

from log.outbox import SpoolOffset
from log.places import KafkaPlace
from log.segments import SegmentWriter
from tests.support.shipping import SECONDS, numbers, record, shipping
from tests.support.topics import new_place


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 4)


@pytest.fixture
def writer(tmp_path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path / "spool", 1 << 20)  # segments of 256 KiB
    yield made
    made.close()


def append(writer: SegmentWriter, number: int, size: int = 0) -> SpoolOffset:
    """How far the spool reaches then."""
    writer.append([record(number, size)])
    return SpoolOffset(*writer.written)


@contextlib.contextmanager
def frozen(kafka) -> Iterator[None]:
    kafka.freeze(1)
    try:
        yield
    finally:
        kafka.thaw(1)


def test_what_is_confirmed_is_in_kafka(place, writer, tmp_path):
    async def run() -> None:
        async with shipping(tmp_path / "spool", place, linger=0.005) as shipper:
            for number in range(5):
                assert await shipper.confirmed(append(writer, number), SECONDS)
                assert number in await asyncio.to_thread(numbers, place)

    asyncio.run(run())


def test_many_wait_at_once_and_all_are_answered(place, writer, tmp_path):
    async def run() -> list[bool]:
        async with shipping(tmp_path / "spool", place, linger=0.005) as shipper:
            waiting = []
            for number in range(300):
                waiting.append(asyncio.create_task(shipper.confirmed(append(writer, number, 3000), SECONDS)))
                await asyncio.sleep(0)
            return await asyncio.gather(*waiting)

    assert asyncio.run(run()) == [True] * 300
    assert numbers(place) == list(range(300))


def test_the_append_that_fills_a_segment_is_confirmed(place, writer, tmp_path):
    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            rolled = append(writer, 0, 300_000)
            assert await shipper.confirmed(rolled, SECONDS)
            following = append(writer, 1)
            assert following.segment > rolled.segment
            assert await shipper.confirmed(following, SECONDS)

    asyncio.run(run())


def test_while_kafka_is_frozen_nothing_is_confirmed_and_afterwards_everything(kafka, place, writer, tmp_path):
    async def run() -> None:
        async with shipping(tmp_path / "spool", place, linger=0.005) as shipper:
            assert await shipper.confirmed(append(writer, 0), SECONDS)
            with frozen(kafka):
                began = time.monotonic()
                position = append(writer, 1)
                assert not await shipper.confirmed(position, 0.3)
                assert 0.3 <= time.monotonic() - began < 5
                patient = asyncio.create_task(shipper.confirmed(position, SECONDS))
                await asyncio.sleep(0.1)
                assert not patient.done()
            assert await patient
            assert await shipper.confirmed(position, 0)

    asyncio.run(run())


def test_one_who_gives_up_does_not_hold_up_the_others(kafka, place, writer, tmp_path):
    async def run() -> None:
        async with shipping(tmp_path / "spool", place, linger=0.005) as shipper:
            assert await shipper.confirmed(append(writer, 0), SECONDS)
            with frozen(kafka):
                asked = [shipper.confirmed(append(writer, number), SECONDS) for number in range(1, 6)]
                waiting = [asyncio.create_task(one) for one in asked]
                await asyncio.sleep(0.05)
                waiting[0].cancel()
                waiting[2].cancel()
                await asyncio.sleep(0.05)
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert [answer is True for answer in answers] == [False, True, False, True, True]

    asyncio.run(run())


def test_what_waited_before_kafka_was_there_is_confirmed_too(place, writer, tmp_path):
    """Left by the process before, or appended while Kafka was away."""
    before = append(writer, 0)

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            assert await shipper.confirmed(before, SECONDS)
            assert await shipper.confirmed(append(writer, 1), SECONDS)

    asyncio.run(run())
    assert numbers(place) == [0, 1]
