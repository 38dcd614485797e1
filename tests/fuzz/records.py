"""Records: the spool's segments, and the envelopes of the log."""

import contextlib
import os
import sys

from log.frame import MAX_FRAME_BYTES, Frames, frame, split
from log.reading import decode, read_frames
from schema import delivery
from schema.delivery import Delivery, Kind
from schema.envelope import MOST_DELIVERIES, Envelope, NewerEnvelope, NotAnEnvelope, pack, unpack
from tests.fuzz.pieces import BETWEEN, pieces
from tests.support.reports import RECEIVED_MS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK = 64


def spool(data: bytes) -> None:
    """Any bytes as a segment: the same records whole, in two pieces and in chunks."""
    found = split(data, final=True)
    assert found.consumed == len(data)
    for record in found.records:
        assert split(frame(record), final=True) == Frames([record], len(frame(record)), 0)
        assert isinstance(decode(record), Delivery)
    assert _grown(data, len(data) // 3) == found.records
    assert _in_chunks(data) == found.records


def _grown(data: bytes, first: int) -> list[bytes]:
    """As a reader meets a segment that is being written."""
    begun = split(data[:first], final=False)
    return begun.records + split(data[begun.consumed :], final=True).records


def _in_chunks(data: bytes) -> list[bytes]:
    """As the consumer reads it."""
    fd = os.memfd_create("segment")
    try:
        os.write(fd, data)
        records: list[bytes] = []
        at = 0
        while at < len(data):
            frames: Frames = read_frames(fd, at, len(data), _CHUNK, final=True)
            assert 0 < frames.consumed <= MAX_FRAME_BYTES
            records += frames.records
            at += frames.consumed
        return records
    finally:
        os.close(fd)


def damage(data: bytes) -> None:
    """Where, how, and records: one changed byte, or a cut, loses what it hits and what is behind; nothing is made up.

    What lies before it is read, and of what lies behind at least what begins behind it.
    """
    how, *records = data.split(BETWEEN)
    records = [record for record in records if record]
    how = how.ljust(4, b"\0")
    frames = [frame(record) for record in records]
    segment = b"".join(frames)
    assert split(segment, final=False) == Frames(records, len(segment), 0)
    if not segment:
        return
    place = int.from_bytes(how[:2], "big") % len(segment)
    flipped = segment[:place] + bytes([segment[place] ^ (how[2] or 1)]) + segment[place + 1 :]
    cut = segment[:place]
    hit = _hit(frames, place)
    assert split(cut, final=True).records == records[:hit]
    found = split(flipped, final=True)
    assert found.records == records[:hit] + records[hit + 1 :]
    assert found.damaged == 1


def _hit(frames: list[bytes], place: int) -> int:
    """Which of them holds this byte."""
    end = 0
    for number, found in enumerate(frames):
        end += len(found)
        if place < end:
            return number
    raise AssertionError(place)


def envelope(data: bytes) -> None:
    """Any record, and any content of a sound one, is an envelope or is told to be none."""
    for record in (data, zstd.compress(data, 1)):
        with contextlib.suppress(NotAnEnvelope, NewerEnvelope):
            found = unpack(record)
            assert isinstance(found, Envelope)
            assert len(found.deliveries) <= MOST_DELIVERIES
    agent, *bodies = pieces(data, 5)
    packed = [
        delivery.encode(Delivery(RECEIVED_MS - len(body), "shop", Kind.REPORTS, len(body), agent[place % 2 :], body))
        for place, body in enumerate(bodies)
    ]
    for some in (packed, packed[:1]):  # the two versions
        back = unpack(pack("id", "collector", RECEIVED_MS, some))
        assert sorted(map(delivery.encode, back.deliveries)) == sorted(some)
    with contextlib.suppress(NotAnEnvelope):
        assert isinstance(unpack(pack("id", "collector", RECEIVED_MS, [*packed, *bodies])), Envelope)
