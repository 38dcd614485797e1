"""Kafka, a ClickHouse server and processors that come and go: each delivery counts once."""

import asyncio

import pytest

from log import group, membership
from log.group import GroupConsumer
from log.places import KafkaPlace
from schema.delivery import encode
from schema.envelope import pack
from tests.support.processing import Running, delivery
from tests.support.shipping import until
from tests.support.topics import committed, new_place, send

PAGES = 200


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.05)
    monkeypatch.setattr(membership, "SESSION_SECONDS", 2.5)
    monkeypatch.setattr("schema.server.ANSWER_SECONDS", 2)


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 4)


async def fill(place: KafkaPlace, first: int, last: int) -> None:
    for page in range(first, last, 10):
        envelope = pack("id", "host/0", 1, [encode(delivery(number)) for number in range(page, page + 10)])
        await send(place, envelope, partition=page // 10 % 4)


async def until_stored(running: Running, pages: int) -> None:
    async with asyncio.timeout(60):
        while await asyncio.to_thread(running.one) < pages:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.1)


async def processing(running: Running, place: KafkaPlace) -> bool:
    """One processor, until it is cancelled or stopped."""
    consumer = GroupConsumer(place)
    try:
        return await running.run(consumer, 0)
    finally:
        await consumer.close()


def exact(running: Running) -> bool:
    pages = (
        "SELECT count() FROM (SELECT document_url, sum(reports) AS found FROM violations GROUP BY 1 HAVING found = 1)"
    )
    assert running.one() == PAGES
    assert running.one("SELECT sum(reports) FROM ledger WHERE outcome = 'received'") == PAGES
    return running.one(pages) == PAGES


def test_two_processors_one_of_which_dies_store_each_delivery_once_in_a_store_that_fails(clickhouse, place):
    running = Running(clickhouse)
    clickhouse.random_faults(0.1, ["cut_after", "cut_before", "refuse"])

    async def run() -> None:
        first, second = (asyncio.create_task(processing(running, place)) for _ in range(2))
        await fill(place, 0, PAGES // 2)
        await until_stored(running, PAGES // 4)
        first.cancel()
        await fill(place, PAGES // 2, PAGES)
        await until_stored(running, PAGES)
        clickhouse.heal()
        await asyncio.sleep(1)
        running.stop.set()
        await asyncio.wait([first, second])

    asyncio.run(run())
    assert exact(running)


def test_a_batch_whose_processor_died_after_it_was_applied_is_repeated_by_another_and_counts_once(clickhouse, place):
    running = Running(clickhouse)
    clickhouse.hang_after_applying(times=1, only="violations")

    async def run() -> None:
        await fill(place, 0, PAGES)
        first = asyncio.create_task(processing(running, place))
        await until(lambda: clickhouse.counts()["violations"].hung)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(processing(running, place))
        await until_stored(running, PAGES)
        await asyncio.sleep(1)
        running.stop.set()
        await second

    asyncio.run(run())
    assert exact(running)
    assert sum(offset for offset, _ in asyncio.run(committed(place, range(4)))) == PAGES // 10
