"""Everything in a spool reaches Kafka, whatever way there is to it."""

import asyncio
import dataclasses
import time
from collections.abc import Iterator

import pytest

from log.packing import ENVELOPE_BYTES
from log.places import KafkaPlace
from log.segments import SegmentWriter, segments
from tests.support.kafka.listeners import PASSWORD, USER
from tests.support.shipping import SECONDS, numbers, record, ship, shipping
from tests.support.topics import envelopes, new_place


@pytest.fixture
def writer(tmp_path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path / "spool", 1 << 30)
    yield made
    made.close()


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 8)


def test_what_is_in_the_spool_is_in_the_topic_once(place, writer, tmp_path):
    for number in range(100):
        writer.append([record(number)])
    ship(tmp_path / "spool", place)
    assert numbers(place) == list(range(100))


def test_envelopes_say_who_packed_them_when_and_where_they_come_from(place, writer, tmp_path):
    writer.append([record(0)])
    ship(tmp_path / "spool", place)
    writer.append([record(1)])
    ship(tmp_path / "spool", place)
    first, second = sorted(envelopes(place), key=lambda envelope: envelope.created)
    assert first.collector == second.collector == "host/0"
    assert abs(first.created / 1000 - time.time()) < 60
    assert first.id != second.id


def test_with_acks_1_everything_arrives_too(place, writer, tmp_path):
    fast = dataclasses.replace(place, acks="1")
    for number in range(20):
        writer.append([record(number)])
        if number % 5 == 0:
            ship(tmp_path / "spool", fast)
    ship(tmp_path / "spool", fast)
    assert numbers(place) == list(range(20))


def test_what_comes_little_by_little_is_gathered(place, writer, tmp_path):
    """The more deliveries are beside each other, the less each of them takes in Kafka."""

    async def run() -> float:
        async with shipping(tmp_path / "spool", place, linger=0.2) as shipper:
            began = time.monotonic()
            for number in range(200):
                writer.append([record(number)])
                await asyncio.sleep(0.005)
            assert await shipper.drained(SECONDS), shipper.trouble
            return time.monotonic() - began

    took = asyncio.run(run())
    assert numbers(place) == list(range(200))
    assert len(envelopes(place)) <= took / 0.2 + 1


@pytest.mark.parametrize(
    ("listener", "mechanism"), [("SASL_PLAINTEXT", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-512"), ("SSL", "")]
)
def test_it_ships_with_tls_and_with_a_user(kafka, place, writer, tmp_path, listener, mechanism):
    user = {"user": USER, "password": PASSWORD, "mechanism": mechanism} if mechanism else {}
    tls = {"tls": True, "ca": str(kafka.ca)} if "SSL" in listener else {}
    writer.append([record(0)])
    ship(tmp_path / "spool", dataclasses.replace(place, brokers=(kafka.address(listener),), **user, **tls))
    assert numbers(place) == [0]


@pytest.mark.parametrize("size", [0, 300 * 1024, 700 * 1024])
def test_a_delivery_of_any_size_that_the_topic_takes_arrives(place, writer, tmp_path, size):
    writer.append([record(0, size)])
    writer.append([record(1, size)])
    ship(tmp_path / "spool", place)
    assert numbers(place) == [0, 1]


@pytest.mark.parametrize("size", [1000, 200 * 1024])
def test_a_backlog_that_cant_be_compressed_goes_in_records_that_the_least_topic_takes(place, writer, tmp_path, size):
    """Its first cut would be a record of 3 MiB, and Kafka's own limit is one."""
    count = 5 * ENVELOPE_BYTES // 2 // size
    writer.append([record(number, size) for number in range(count)])
    ship(tmp_path / "spool", place)
    assert numbers(place) == list(range(count))


def test_segments_go_once_they_are_shipped(place, tmp_path):
    writer = SegmentWriter(tmp_path / "spool", 1 << 20)  # segments of 256 KiB

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            for number in range(40):
                while not writer.fits(60_000):  # noqa: ASYNC110  # until something is shipped
                    await asyncio.sleep(0.02)
                writer.append([record(number, 50_000)])
            assert await shipper.drained(SECONDS)
            assert len(segments(tmp_path / "spool")) == 1

    asyncio.run(run())
    writer.close()
    assert numbers(place) == list(range(40))
