"""What a collector remembers of its shipping: each byte of the spool goes out once, and again only as it was."""

import os
import shutil
from pathlib import Path

import pytest

from log import outbox
from log.frame import HEADER, frame
from log.outbox import ENVELOPE_BYTES, NO_PRODUCER, BadOutbox, Outbox, Position
from log.reading import OtherVersion
from log.segments import SegmentWriter, segments

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
    cut = box.cut()
    assert cut is not None
    box.land(box.take_off(cut, partition, 1))
    return cut.records


def test_everything_appended_is_cut_once_and_in_order(box, writer):
    records = [b"%d" % number for number in range(10)]
    for record in records[:7]:
        writer.append([record])
    assert shipped(box) == records[:7]
    assert box.cut() is None
    writer.append(records[7:])
    assert shipped(box) == records[7:]
    assert box.empty()


def test_an_envelope_holds_a_quarter_of_a_mebibyte_and_a_longer_delivery_alone(box, writer):
    small, large = os.urandom(60_000), os.urandom(300 * 1024)
    writer.append([small] * 9)
    writer.append([large])
    writer.append([small])
    assert [len(shipped(box)) for _ in range(3)] == [4, 4, 1]
    assert shipped(box) == [large]
    assert shipped(box) == [small]
    assert 4 * len(frame(small)) < ENVELOPE_BYTES < 5 * len(frame(small))


def test_what_was_cut_but_did_not_take_off_is_cut_again(box, writer):
    writer.append([b"one"])
    assert box.cut() == box.cut()


def test_the_oldest_segment_goes_first(box, writer):
    writer.append([b"older"])
    writer.roll()
    writer.append([b"newer"])
    assert shipped(box) == [b"older"]
    assert shipped(box) == [b"newer"]


def test_a_delivery_that_is_being_written_waits_until_it_is_whole(box, writer, tmp_path):
    whole = frame(b"one")
    [segment] = segments(tmp_path)
    with segment.open("ab") as file:
        file.write(whole[:-1])
    assert box.cut() is None
    assert not box.state.flights
    with segment.open("ab") as file:
        file.write(whole[-1:])
    assert shipped(box) == [b"one"]


def test_damage_is_passed_over_and_what_is_behind_it_goes_out(box, writer, tmp_path):
    writer.append([b"one"])
    with segments(tmp_path)[0].open("ab") as file:
        file.write(b"damage" * 50_000)
    writer.append([b"two"])
    writer.roll()
    with segments(tmp_path)[-1].open("ab") as file:
        file.write(frame(b"torn")[:-1])
    writer.close()
    found = []
    while (cut := box.cut()) is not None:
        found += cut.records
        box.land(box.take_off(cut, 0, 1))
    assert found == [b"one", b"two"]
    assert box.empty()
    box.note()
    assert segments(tmp_path) == []


def test_after_a_kill_the_same_deliveries_go_out_under_the_same_name_and_number(box, writer, tmp_path):
    box.adopt("cluster", 7, 0)
    flights = []
    for number in range(3):
        writer.append([b"%d-%d" % (number, its) for its in range(number + 1)])
        flights.append(box.take_off(box.cut(), number, 1000 + number))
    names, records = [box.name(its) for its in flights], [box.records(its) for its in flights]
    assert len(set(names)) == 3
    box = again(box, tmp_path)
    assert box.state.flights == flights
    assert [box.name(its) for its in flights] == names
    assert [box.records(its) for its in flights] == records
    assert records[2] == [b"2-0", b"2-1", b"2-2"]
    assert (box.state.cluster, box.state.producer, box.state.epoch) == ("cluster", 7, 0)
    assert box.cut() is None
    box.close()


def test_numbers_rise_by_one_in_each_partition_through_a_kill(box, writer, tmp_path):
    box.adopt("cluster", 7, 0)
    numbers = []
    for partition in (0, 5, 0, 0, 5):
        writer.append([b"one"])
        flight = box.take_off(box.cut(), partition, 1)
        numbers.append((partition, flight.sequence))
        box.land(flight)
        box = again(box, tmp_path)
    assert numbers == [(0, 0), (5, 0), (0, 1), (0, 2), (5, 1)]
    box.close()


def test_another_producers_numbers_start_anew_also_for_what_is_under_way(box, writer):
    for partition in (3, 3, 4):
        writer.append([b"one"])
        flight = box.take_off(box.cut(), partition, 1)
        if partition == 3 and flight.sequence == 0:
            box.land(flight)
    assert [flight.sequence for flight in box.state.flights] == [1, 0]
    box.adopt("cluster", 8, 1)
    assert [(flight.partition, flight.sequence) for flight in box.state.flights] == [(3, 0), (4, 0)]
    writer.append([b"one"])
    assert box.take_off(box.cut(), 3, 1).sequence == 1


def test_a_producer_is_worn_when_a_number_comes_near_its_end_and_nothing_is_under_way(box, writer, monkeypatch):
    monkeypatch.setattr(outbox, "_LAST_SEQUENCE", 1)
    writer.append([b"one"])
    shipped(box)
    assert not box.worn()
    writer.append([b"two"])
    flight = box.take_off(box.cut(), 0, 1)
    assert not box.worn()
    box.land(flight)
    assert box.worn()


def test_settled_is_the_end_of_what_landed_without_a_gap(box, writer):
    ends, flights = [], []
    for number in range(3):
        writer.append([b"%d" % number])
        ends.append(Position(*writer.written))
        flights.append(box.take_off(box.cut(), number, 1))
    assert box.settled() < ends[0]
    box.land(flights[1])
    assert box.settled() < ends[0]
    box.land(flights[0])
    assert ends[1] <= box.settled() < ends[2]
    box.land(flights[2])
    assert box.settled() == ends[2]


def test_settled_reaches_an_append_that_filled_its_segment(tmp_path):
    writer = SegmentWriter(tmp_path, 4000)  # a segment of 1000 bytes
    box = Outbox(tmp_path)
    writer.append([bytes(1200)])
    behind = Position(*writer.written)
    writer.append([b"in the next one"])
    shipped(box)
    assert box.settled() == behind
    shipped(box)
    assert box.settled() == Position(*writer.written) > behind
    box.close()
    writer.close()


def test_a_segment_goes_when_nothing_more_comes_and_all_of_it_landed(box, writer, tmp_path):
    writer.append([b"one"])
    flight = box.take_off(box.cut(), 0, 1)
    writer.roll()
    assert box.cut() is None
    first, second = segments(tmp_path)
    box.land(flight)
    assert segments(tmp_path) == [second]
    assert first.name not in box.state.read


def test_the_segment_that_is_being_written_stays(box, writer, tmp_path):
    writer.append([b"one"])
    shipped(box)
    box.note()
    assert len(segments(tmp_path)) == 1
    writer.append([b"two"])
    assert shipped(box) == [b"two"]


def test_a_segment_that_landed_and_is_gone_has_nothing_to_send_again(box, writer, tmp_path):
    writer.append([b"one"])
    flight = box.take_off(box.cut(), 0, 1)
    segments(tmp_path)[0].unlink()
    assert box.records(flight) == []


def test_a_spool_of_another_version_is_left_alone(box, writer, tmp_path):
    (tmp_path / "00000000000000000001.seg").write_bytes(b"CSPSPL\x00\x02" + frame(b"one"))
    with pytest.raises(OtherVersion, match="not written by this version"):
        box.cut()


@pytest.mark.parametrize("damage", [lambda found: b"\xff" * len(found), lambda found: found[:1000]])
def test_a_damaged_memory_is_told_with_what_moving_it_away_would_mean(tmp_path, damage):
    Outbox(tmp_path).close()
    file = tmp_path / "shipping"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BadOutbox, match=r"shipping is damaged .* move it away .* count twice"):
        Outbox(tmp_path)


def test_an_outage_that_left_thousands_of_segments_is_cut_without_reading_any_of_them_twice(box, writer, tmp_path):
    for number in range(3000):
        (tmp_path / f"{number:020d}.seg").write_bytes(HEADER + frame(b"%d" % number))
    for number in range(3000):
        assert shipped(box) == [b"%d" % number]
        assert len(box.state.read) <= 2
    assert box.cut() is None
    assert len(segments(tmp_path)) == 1  # the writer's


def test_a_spool_that_was_copied_takes_a_new_producer_id(box, writer, tmp_path):
    """Two that go on under one id would drop each other's reports as repeats."""
    box.adopt("cluster", 7, 0)
    writer.append([b"one"])
    box.take_off(box.cut(), 0, 1)
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
        box.take_off(box.cut() or pytest.fail("nothing"), partition, 1_793_577_600_000)
        writer.append([b"one"])
