"""Everything in a spool reaches Kafka once: through kills, outages and forgetful brokers."""

import asyncio
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from log.outbox import Flight, Outbox, Position
from log.places import KafkaPlace
from log.protocols import LogFull
from log.segments import SegmentWriter, segments
from log.shipper import Shipper
from schema.delivery import Delivery, Kind, encode
from tests.support.kafka.cluster import Cluster
from tests.support.kafka.listeners import PASSWORD, USER
from tests.support.topics import deliveries, described, envelopes, make, new_place

SECONDS = 30  # to wait for what should happen at once


@pytest.fixture
def writer(tmp_path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path / "spool", 1 << 30)
    yield made
    made.close()


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 8)


def record(number: int, size: int = 0) -> bytes:
    body = b"%d " % number + os.urandom(size)
    return encode(Delivery(1_793_577_600_000, "shop", Kind.REPORTS, 1, b"agent", body))


def numbers(place: KafkaPlace) -> list[int]:
    """Of the records that are in the topic."""
    return sorted(int(delivery.body.split(b" ")[0]) for delivery in deliveries(place))


@contextlib.asynccontextmanager
async def shipping(folder: Path, place: KafkaPlace, **how: float) -> AsyncIterator[Shipper]:
    shipper = Shipper(folder, place, "host/0", **how)
    running = asyncio.create_task(shipper.run())
    try:
        yield shipper
        assert not running.done() or running.result()
    finally:
        running.cancel()
        await asyncio.wait([running])


def ship(folder: Path, place: KafkaPlace) -> None:
    """Until all is shipped, by a process of its own as far as Kafka can tell."""

    async def run() -> None:
        async with shipping(folder, place) as shipper:
            assert await shipper.drained(SECONDS), shipper.trouble

    asyncio.run(run())


async def until(true, seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


@contextlib.contextmanager
def remembered(folder: Path) -> Iterator[Outbox]:
    """What the next shipper will find; changed as wanted."""
    outbox = Outbox(folder)
    yield outbox
    outbox.save()
    outbox.close()


@pytest.fixture
def landed(monkeypatch) -> list[Flight]:
    """Every envelope Kafka acknowledged."""
    found: list[Flight] = []
    land = Outbox.land

    def note(outbox: Outbox, flight: Flight) -> None:
        found.append(flight)
        land(outbox, flight)

    monkeypatch.setattr(Outbox, "land", note)
    return found


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


def test_what_goes_out_again_is_kept_once(place, writer, tmp_path, landed):
    """The kill between Kafka's taking an envelope and our hearing of it, for one and for eight under way at once."""
    count = 0
    for under_way in (1, 8, 8):
        for _ in range(under_way):
            writer.append([record(count, 200 * 1024)])
            count += 1
        landed.clear()
        ship(tmp_path / "spool", place)
        assert len(landed) >= under_way  # what an earlier one did not note that it landed goes out again
        for _ in range(3):
            with remembered(tmp_path / "spool") as outbox:
                last = {flight.partition: flight for flight in landed}
                outbox.state.flights = list(last.values())
            landed.clear()
            ship(tmp_path / "spool", place)
            assert len(landed) == len(last)
    assert numbers(place) == list(range(count))


def test_it_goes_on_under_the_same_producer(place, writer, tmp_path):
    found = set()
    for number in range(3):
        writer.append([record(number)])
        ship(tmp_path / "spool", place)
        with remembered(tmp_path / "spool") as outbox:
            found.add((outbox.state.producer, outbox.state.epoch))
    assert len(found) == 1
    assert numbers(place) == [0, 1, 2]


_UNDER_LOAD = """
import asyncio, json, sys
from pathlib import Path
from log.places import KafkaPlace
from log.segments import SegmentWriter
from log.shipper import Shipper
from tests.log.test_shipper import record
folder, brokers, topic, first = sys.argv[1:]
async def main():
    writer = SegmentWriter(Path(folder), 1 << 30)
    shipper = Shipper(Path(folder), KafkaPlace(brokers=(brokers,), topic=topic), "host/0", 0.005)
    shipping = asyncio.create_task(shipper.run())
    number = int(first)
    while True:
        for _ in range(20):
            writer.append([record(number, 500)])
            print(number, flush=True)
            number += 1
        await asyncio.sleep(0.002)
asyncio.run(main())
"""


def test_killed_under_load_again_and_again_it_loses_and_doubles_nothing(place, tmp_path):
    taken: list[int] = []
    for round_ in range(5):
        shipped_to = [tmp_path / "spool", place.brokers[0], place.topic, str(100_000 * round_)]
        with subprocess.Popen(
            [sys.executable, "-c", _UNDER_LOAD, *shipped_to],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": "."},
        ) as process:
            assert process.stdout is not None
            ends = time.monotonic() + 0.7 + 0.13 * round_
            while time.monotonic() < ends:
                taken.append(int(process.stdout.readline()))
            process.kill()
            taken += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    writer = SegmentWriter(tmp_path / "spool", 1 << 30)
    ship(tmp_path / "spool", place)
    writer.close()
    found = Counter(numbers(place))
    assert set(found.values()) == {1}
    assert found.keys() >= set(taken)
    assert len(found.keys() - set(taken)) <= 5  # appended, and killed before it was said


def test_in_another_cluster_it_is_another_producer(place, writer, tmp_path):
    """Also where that cluster happens to give it the very id it had in the first."""
    for number in range(4):
        writer.append([record(number)])
        ship(tmp_path / "spool", place)
        with remembered(tmp_path / "spool") as outbox:
            assert outbox.state.cluster != "elsewhere"
            assert set(outbox.state.sequences.values()) == {1}
            outbox.state.cluster = "elsewhere"
            outbox.state.producer += number % 2  # one broker gives out one id after the other
    assert numbers(place) == [0, 1, 2, 3]


def test_kafka_is_told_once_more_where_it_says_that_the_numbers_are_wrong(place, writer, tmp_path, caplog):
    for number in range(9):
        writer.append([record(number)])
        ship(tmp_path / "spool", place)
    with remembered(tmp_path / "spool") as outbox:
        before = outbox.state.producer
        outbox.state.sequences = {partition: number + 5 for partition, number in outbox.state.sequences.items()}
    for number in range(9, 20):
        writer.append([record(number)])
        ship(tmp_path / "spool", place)
    with remembered(tmp_path / "spool") as outbox:
        assert outbox.state.producer != before
    assert numbers(place) == list(range(20))
    told = [its.message for its in caplog.records if its.levelname == "WARNING" and its.name == "sentinel.ship"]
    assert told
    assert "does not know this producer's numbers any more; envelopes under way may count twice" in told[0]


def test_a_worn_producer_is_exchanged(place, writer, tmp_path, monkeypatch):
    monkeypatch.setattr("log.outbox._LAST_SEQUENCE", 2)
    producers = set()

    async def run() -> None:
        async with shipping(tmp_path / "spool", dataclasses.replace(place)) as shipper:
            for number in range(30):
                writer.append([record(number)])
                assert await shipper.drained(SECONDS)
                producers.add(shipper._outbox.state.producer)

    asyncio.run(run())
    assert numbers(place) == list(range(30))
    assert len(producers) > 1


def test_with_acks_1_everything_arrives_too(place, writer, tmp_path):
    fast = dataclasses.replace(place, acks="1")
    for number in range(20):
        writer.append([record(number)])
        if number % 5 == 0:
            ship(tmp_path / "spool", fast)
    ship(tmp_path / "spool", fast)
    assert numbers(place) == list(range(20))


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


def test_segments_go_once_they_are_shipped(place, tmp_path):
    writer = SegmentWriter(tmp_path / "spool", 1 << 20)  # segments of 256 KiB

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            for number in range(40):
                writer.append([record(number, 50_000)])
                await asyncio.sleep(0.01)
            assert await shipper.drained(SECONDS)
            assert len(segments(tmp_path / "spool")) == 1

    asyncio.run(run())
    writer.close()
    assert numbers(place) == list(range(40))
