"""How many reports wait: what is left, exact, times what as much of it held lately."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from log import behind
from log.group import GroupConsumer
from log.places import KafkaPlace
from log.segments import SegmentWriter
from log.spool import SpoolConsumer
from schema.delivery import Delivery, Kind, encode
from schema.envelope import pack
from tests.support.figures import figure
from tests.support.topics import new_place, send

REPORTS = 3  # in a delivery


def delivery(number: int) -> bytes:
    return encode(Delivery(number, "shop", Kind.REPORTS, REPORTS, b"", b"%04d" % number))


def envelope(*numbers: int) -> bytes:
    return pack("id", "host/0", 1, [delivery(number) for number in numbers])


def test_a_spools_reports_are_those_not_committed(tmp_path: Path):
    writer = SegmentWriter(tmp_path / "spool" / "0", 1 << 20)
    consumer = SpoolConsumer(tmp_path / "spool", tmp_path / "position.json")

    async def store() -> None:
        batch = await consumer.next()
        assert batch is not None
        assert consumer.behind() == pytest.approx(REPORTS * 100)
        await consumer.intend(batch)
        await consumer.commit(batch)

    for _ in range(2):
        writer.append([delivery(1000 + number) for number in range(100)])
        asyncio.run(store())
        assert consumer.behind() == 0
    writer.append([delivery(1000 + number) for number in range(200)])
    assert consumer.behind() == pytest.approx(REPORTS * 200)
    writer.close()


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap)


def test_of_kafka_envelopes_are_exact_and_reports_as_the_last_ones_held(place: KafkaPlace, monkeypatch):
    """Also those that come while a batch can't be stored, and nothing more is fetched."""
    monkeypatch.setattr(behind, "_OLD_SECONDS", 0.0)
    monkeypatch.setattr("log.group.BATCH_DELIVERIES", 8)

    async def run() -> None:
        consumer = GroupConsumer(place)
        try:
            await send(place, *[envelope(*range(4))] * 10)
            async with asyncio.timeout(30):
                while (batch := await consumer.next()) is None or consumer.behind() < 10 * 4 * REPORTS:
                    pass
            await consumer.intend(batch)
            assert consumer.behind() == 10 * 4 * REPORTS
            assert figure("sentinel_log_behind_envelopes") == 10
            await send(place, *[envelope(*range(4))] * 90)
            await consumer.intend(batch)  # the store is away, and this is tried again and again
            assert consumer.behind() == 100 * 4 * REPORTS
            await consumer.commit(batch)
            await consumer.next()
            assert consumer.behind() < 100 * 4 * REPORTS
        finally:
            await consumer.close()

    asyncio.run(run())


def test_where_kafka_does_not_tell_what_was_known_stays(place: KafkaPlace, monkeypatch):
    monkeypatch.setattr(behind, "_OLD_SECONDS", 0.0)

    class Silent:
        def highwater(self, _: TopicPartition) -> int:
            return 7

        async def end_offsets(self, _: list[TopicPartition]) -> dict[TopicPartition, int]:
            raise TimeoutError

    found = behind.Behind()
    stored = {TopicPartition(place.topic, 0): 2}
    found.fetched(Silent(), stored)
    asyncio.run(found.ask(Silent(), stored))
    assert found.reports() == 5
