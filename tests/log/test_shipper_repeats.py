"""What a collector ships is in Kafka once: through kills, and with a Kafka that has other numbers in mind."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from log.frame import HEADER, frame
from log.outbox import Outbox
from log.places import KafkaPlace
from log.remembered import Flight
from log.segments import SegmentWriter, segments
from tests.support.shipping import SECONDS, numbers, record, remembered, ship, shipping
from tests.support.topics import new_place


@pytest.fixture
def writer(tmp_path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path / "spool", 1 << 30)
    yield made
    made.close()


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 8)


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


def test_what_goes_out_again_is_kept_once(place, writer, tmp_path, landed):
    """The kill between Kafka's taking an envelope and our hearing of it, for one and for eight under way at once."""
    count = 0
    for under_way in (1, 8, 8):
        for _ in range(under_way):
            writer.append([record(count, 700 * 1024)])
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
from tests.support.shipping import record
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
            taken.append(int(process.stdout.readline()))
            ends = time.monotonic() + 0.2 + 0.13 * round_
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


def test_a_worn_producer_is_exchanged(kafka, writer, tmp_path, monkeypatch):
    place = new_place(kafka.bootstrap, 1)
    monkeypatch.setattr("log.outbox._LAST_SEQUENCE", 2)
    producers = set()

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            for number in range(7):
                writer.append([record(number)])
                assert await shipper.drained(SECONDS)
                producers.add(shipper._outbox.state.producer)

    asyncio.run(run())
    assert numbers(place) == list(range(7))
    assert len(producers) == 3


def test_what_was_under_way_to_partitions_that_are_gone_goes_to_others(kafka, place, writer, tmp_path):
    """The topic was deleted and made anew with fewer."""
    smaller = new_place(kafka.bootstrap, 2)
    under_way = [record(number, 200 * 1024) for number in range(5)]
    for written in under_way:
        writer.append([written])
    ship(tmp_path / "spool", place)
    writer.append([record(5)])
    with remembered(tmp_path / "spool") as outbox:
        name, start = segments(tmp_path / "spool")[0].name, len(HEADER)
        for number, written in enumerate(under_way):
            end = start + len(frame(written))
            outbox.state.flights.append(Flight(name, start, end, 3 + number, 7, int(time.time() * 1000)))
            start = end
    ship(tmp_path / "spool", smaller)
    assert numbers(smaller) == [0, 1, 2, 3, 4, 5]
