import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.frame import frame, split

RECORDS = st.lists(st.binary(min_size=1, max_size=200), max_size=8)


@given(RECORDS)
def test_what_was_framed_is_read_back(records: list[bytes]):
    written = b"".join(map(frame, records))
    assert split(written, final=True) == (records, len(written), 0)


@given(RECORDS, st.integers(1, 8))
def test_no_more_are_read_than_are_asked_for_and_the_rest_is_left(records, most):
    written = b"".join(map(frame, records))
    first = split(written, final=True, most=most)
    assert first == (records[:most], sum(len(frame(record)) for record in records[:most]), 0)
    assert split(written[first.consumed :], final=True).records == records[most:]


@given(RECORDS, st.binary(min_size=1, max_size=200), st.data())
def test_a_frame_being_written_is_left_for_later(records, last, drawn):
    whole = b"".join(map(frame, records))
    part = frame(last)[: drawn.draw(st.integers(0, len(frame(last)) - 1))]
    assert split(whole + part, final=False) == (records, len(whole), 0)


@given(RECORDS, st.binary(min_size=1, max_size=200), st.data())
def test_a_torn_last_frame_is_skipped_and_told(records, last, drawn):
    whole = b"".join(map(frame, records))
    part = frame(last)[: drawn.draw(st.integers(1, len(frame(last)) - 1))]
    found = split(whole + part, final=True)
    assert found.records == records
    assert found.consumed == len(whole + part)
    assert found.damaged == 1


@given(RECORDS, st.binary(max_size=50), st.binary(min_size=1, max_size=60), RECORDS)
def test_frames_behind_damage_are_found_again(before, lost, junk, after):
    whole = b"".join(map(frame, before))
    damaged = bytearray(frame(lost))
    damaged[-1] ^= 0xFF  # of the record, or of an empty record's checksum
    found = split(whole + bytes(damaged) + b"".join(map(frame, after)), final=True)
    assert found.records == before + after
    assert found.damaged == 1


@given(st.binary(max_size=2000), st.booleans())
def test_any_bytes_are_read_without_an_error(junk, final):
    found = split(junk, final=final)
    assert 0 <= found.consumed <= len(junk)


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_skipped():
    found = split(frame(b"a") + bytes(4096), final=True)
    assert found.records == [b"a"]
    assert found.damaged == 1


MARKS = st.lists(st.sampled_from([b"\xc5", b"\x9f", b"\0", b"\1", b"\2"]), min_size=1).map(b"".join)


@given(st.lists(st.binary(min_size=1) | MARKS))
def test_no_record_holds_a_mark_and_all_are_read_as_they_were(records):
    framed = list(map(frame, records))
    assert not any(b"\xc5\x9f" in found[10:] for found in framed)
    assert split(b"".join(framed), final=True) == (records, len(b"".join(framed)), 0)


def test_zeros_behind_a_mark_are_no_record():
    """Found by fuzzing: one changed byte makes a mark of its neighbour, and an empty record has the checksum 0."""
    around = bytearray(frame(b"\xc5e" + bytes(100)))
    around[11] = 0x9F
    assert split(bytes(around), final=True).records == []


@pytest.mark.parametrize("forged", [b"forged", b""])
def test_a_frame_inside_a_report_is_not_read_where_the_one_around_it_is_damaged(forged):
    """Found by fuzzing: the mark is the letter ş, and with eight zero bytes it was the frame of an empty record."""
    around = bytearray(frame(b'{"csp-report":{"script-sample":"' + frame(forged) + b'"}}'))
    around[12] ^= 1
    assert split(bytes(around) + frame(b"next"), final=True).records == [b"next"]
    assert split(bytes(around[:-1]), final=True).records == []


@given(st.binary(min_size=1).map(lambda some: some + b"\xc5\x9f\xc5\0\1"), st.data())
def test_a_bit_that_is_changed_anywhere_loses_the_record(record, drawn):
    found = bytearray(frame(record))
    place = drawn.draw(st.integers(0, 8 * len(found) - 1))
    found[place // 8] ^= 1 << place % 8
    assert split(bytes(found), final=True).records == []


def test_frames_of_before_they_were_escaped_are_read():
    record = b"a \xc5\x9f in it"
    assert split(struct.pack("<2sII", b"\xc5\x9f", len(record), zlib.crc32(record)) + record, final=True).records == [
        record
    ]
