"""Under which numbers a collector ships: through a kill the same, and never those of another."""

import shutil
from pathlib import Path

import pytest

from log import outbox
from log.outbox import Outbox
from log.packing import ENVELOPE_BYTES
from log.remembered import NO_PRODUCER
from log.segments import SegmentWriter

QUOTA = 1 << 30


@pytest.fixture
def writer(tmp_path):
    made = SegmentWriter(tmp_path, QUOTA)
    yield made
    made.close()


@pytest.fixture
def box(tmp_path, writer):
    made = Outbox(tmp_path)
    yield made
    made.close()


def again(box: Outbox, folder: Path) -> Outbox:
    """As the next process finds it after a kill."""
    box.close()
    return Outbox(folder)


def shipped(box: Outbox, partition: int = 0) -> list[bytes]:
    """The deliveries of the next envelope, which lands at once."""
    cut = box.cut(ENVELOPE_BYTES)
    assert cut is not None
    box.land(box.take_off(cut, partition, 1))
    return cut.deliveries


def test_after_a_kill_the_same_deliveries_go_out_under_the_same_name_and_number(box, writer, tmp_path):
    box.adopt("cluster", 7, 0)
    flights = []
    for number in range(3):
        writer.append([b"%d-%d" % (number, its) for its in range(number + 1)])
        flights.append(box.take_off(box.cut(ENVELOPE_BYTES), number, 1000 + number))
    names, records = [box.name(its) for its in flights], [box.deliveries(its) for its in flights]
    assert len(set(names)) == 3
    box = again(box, tmp_path)
    assert box.state.flights == flights
    assert [box.name(its) for its in flights] == names
    assert [box.deliveries(its) for its in flights] == records
    assert records[2] == [b"2-0", b"2-1", b"2-2"]
    assert (box.state.cluster, box.state.producer, box.state.epoch) == ("cluster", 7, 0)
    assert box.cut(ENVELOPE_BYTES) is None
    box.close()


def test_numbers_rise_by_one_in_each_partition_through_a_kill(box, writer, tmp_path):
    box.adopt("cluster", 7, 0)
    numbers = []
    for partition in (0, 5, 0, 0, 5):
        writer.append([b"one"])
        flight = box.take_off(box.cut(ENVELOPE_BYTES), partition, 1)
        numbers.append((partition, flight.sequence))
        box.land(flight)
        box = again(box, tmp_path)
    assert numbers == [(0, 0), (5, 0), (0, 1), (0, 2), (5, 1)]
    box.close()


def test_another_producers_numbers_start_anew_also_for_what_is_under_way(box, writer):
    for partition in (3, 3, 4):
        writer.append([b"one"])
        flight = box.take_off(box.cut(ENVELOPE_BYTES), partition, 1)
        if partition == 3 and flight.sequence == 0:
            box.land(flight)
    assert [flight.sequence for flight in box.state.flights] == [1, 0]
    box.adopt("cluster", 8, 1)
    assert [(flight.partition, flight.sequence) for flight in box.state.flights] == [(3, 0), (4, 0)]
    writer.append([b"one"])
    assert box.take_off(box.cut(ENVELOPE_BYTES), 3, 1).sequence == 1


def test_a_producer_is_worn_when_a_number_comes_near_its_end_and_nothing_is_under_way(box, writer, monkeypatch):
    monkeypatch.setattr(outbox, "_LAST_SEQUENCE", 1)
    writer.append([b"one"])
    shipped(box)
    assert not box.worn()
    writer.append([b"two"])
    flight = box.take_off(box.cut(ENVELOPE_BYTES), 0, 1)
    assert not box.worn()
    box.land(flight)
    assert box.worn()


def test_a_spool_that_was_copied_takes_a_new_producer_id(box, writer, tmp_path):
    """Two that go on under one id would drop each other's reports as repeats."""
    box.adopt("cluster", 7, 0)
    writer.append([b"one"])
    box.take_off(box.cut(ENVELOPE_BYTES), 0, 1)
    copy = tmp_path.with_name("copy")
    shutil.copytree(tmp_path, copy)
    copied = Outbox(copy)
    assert copied.state.producer == NO_PRODUCER
    assert len(copied.state.flights) == 1
    copied.close()


def test_after_the_machine_started_anew_the_producer_id_is_new(box, tmp_path, monkeypatch):
    """A power cut may have lost the last that was written down."""
    box.adopt("cluster", 7, 0)
    monkeypatch.setattr("log.outbox._here", lambda folder: "another start")
    box = again(box, tmp_path)
    assert box.state.producer == NO_PRODUCER
    box.close()


def test_ten_thousand_partitions_fit_into_the_memory(box, writer):
    box.adopt("c" * 22, 2**62, 2**15 - 1)
    box.state.sequences = dict.fromkeys(range(10_000), 2**31 - 1)
    writer.append([b"one"])
    for partition in range(8):
        box.take_off(box.cut(ENVELOPE_BYTES) or pytest.fail("nothing"), partition, 1_793_577_600_000)
        writer.append([b"one"])
