"""What a collector remembers of its shipping: each byte of the spool goes out once, and again only as it was."""

import os

import pytest

from log.frame import HEADER, frame
from log.outbox import Outbox, SpoolOffset
from log.packing import ENVELOPE_BYTES, SURE_BYTES
from log.reading import OtherVersion
from log.segments import SegmentWriter, segments
from log.topic import largest_record_bytes
from schema.columns import MOST_DELIVERIES
from schema.delivery import Delivery, encode
from schema.envelope import pack

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


def shipped(box: Outbox, most: int = ENVELOPE_BYTES) -> list[bytes]:
    """The deliveries of the next envelope, which lands at once."""
    cut = box.cut(most)
    assert cut is not None
    box.land(box.take_off(cut, 0, 1))
    return cut.deliveries


def test_everything_appended_is_cut_once_and_in_order(box, writer):
    records = [b"%d" % number for number in range(10)]
    for record in records[:7]:
        writer.append([record])
    assert shipped(box) == records[:7]
    assert box.cut(ENVELOPE_BYTES) is None
    writer.append(records[7:])
    assert shipped(box) == records[7:]
    assert box.empty()


@pytest.mark.parametrize("most", [SURE_BYTES, ENVELOPE_BYTES])
def test_an_envelope_holds_as_much_as_is_asked_for_and_a_longer_delivery_alone(box, writer, most):
    small, large = os.urandom(most * 2 // 9), os.urandom(most + 1)
    writer.append([small] * 9)
    writer.append([large])
    writer.append([small])
    assert [len(shipped(box, most)) for _ in range(3)] == [4, 4, 1]
    assert shipped(box, most) == [large]
    assert shipped(box, most) == [small]
    assert 4 * len(frame(small)) < most < 5 * len(frame(small))


def test_less_is_cut_where_the_first_cut_can_not_go(box, writer):
    writer.append([os.urandom(SURE_BYTES // 3)] * 6)
    first = box.cut(ENVELOPE_BYTES)
    second = box.cut(SURE_BYTES)
    assert (first.start, len(first.deliveries)) == (second.start, 6)
    assert second.end < first.end
    box.land(box.take_off(second, 0, 1))
    assert len(shipped(box)) == 6 - len(second.deliveries)


def test_an_envelope_holds_no_more_deliveries_than_are_taken_of_one(box, writer):
    writer.append([b"tiny"] * (2 * MOST_DELIVERIES + 1))
    assert [len(shipped(box)) for _ in range(3)] == [MOST_DELIVERIES, MOST_DELIVERIES, 1]
    assert box.empty()


@pytest.mark.parametrize("size", [0, 10, 300, 30_000])
def test_the_least_topic_takes_a_small_cut_that_cant_be_compressed(box, writer, size):
    """One that Kafka refused would stop all that is behind it."""
    while writer.written[1] <= SURE_BYTES:
        times = (int.from_bytes(os.urandom(5)) for _ in range(100))
        writer.append([encode(Delivery(time, "s", 0, time, os.urandom(20), os.urandom(size))) for time in times])
    records = shipped(box, SURE_BYTES)
    assert len(records) == MOST_DELIVERIES or sum(map(len, records)) > SURE_BYTES * 0.8
    assert len(pack("i" * 80, "c" * 300, 1, records)) < largest_record_bytes(0) - 1024


def test_what_was_cut_but_did_not_take_off_is_cut_again(box, writer):
    writer.append([b"one"])
    assert box.cut(ENVELOPE_BYTES) == box.cut(ENVELOPE_BYTES)


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
    assert box.cut(ENVELOPE_BYTES) is None
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
    while (cut := box.cut(ENVELOPE_BYTES)) is not None:
        found += cut.deliveries
        box.land(box.take_off(cut, 0, 1))
    assert found == [b"one", b"two"]
    assert box.empty()
    box.note()
    assert segments(tmp_path) == []


def test_settled_is_the_end_of_what_landed_without_a_gap(box, writer):
    ends, flights = [], []
    for number in range(3):
        writer.append([b"%d" % number])
        ends.append(SpoolOffset(*writer.written))
        flights.append(box.take_off(box.cut(ENVELOPE_BYTES), number, 1))
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
    behind = SpoolOffset(*writer.written)
    writer.append([b"in the next one"])
    shipped(box)
    assert box.settled() == behind
    shipped(box)
    assert box.settled() == SpoolOffset(*writer.written) > behind
    box.close()
    writer.close()


def test_a_segment_goes_when_nothing_more_comes_and_all_of_it_landed(box, writer, tmp_path):
    writer.append([b"one"])
    flight = box.take_off(box.cut(ENVELOPE_BYTES), 0, 1)
    writer.roll()
    assert box.cut(ENVELOPE_BYTES) is None
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
    flight = box.take_off(box.cut(ENVELOPE_BYTES), 0, 1)
    segments(tmp_path)[0].unlink()
    assert box.deliveries(flight) == []


def test_a_spool_of_another_version_is_left_alone(box, writer, tmp_path):
    (tmp_path / "00000000000000000001.seg").write_bytes(b"CSPSPL\x00\x02" + frame(b"one"))
    with pytest.raises(OtherVersion, match="not written by this version"):
        box.cut(ENVELOPE_BYTES)


def test_an_outage_that_left_thousands_of_segments_is_cut_without_reading_any_of_them_twice(box, writer, tmp_path):
    for number in range(3000):
        (tmp_path / f"{number:020d}.seg").write_bytes(HEADER + frame(b"%d" % number))
    for number in range(3000):
        assert shipped(box) == [b"%d" % number]
        assert len(box.state.read) <= 2
    assert box.cut(ENVELOPE_BYTES) is None
    assert len(segments(tmp_path)) == 1  # the writer's
