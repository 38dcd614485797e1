"""Reading segment files: whole frames from a place on, and the deliveries in them."""

import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from log.broken import Broken
from log.frame import HEADER, Frames, frame_length, split
from log.segments import has_writer, segments
from schema import delivery
from schema.delivery import Delivery, Kind
from schema.reasons import Reason


class OtherVersion(Exception):
    """A segment was written by another version of this program."""


def ended(folder: Path) -> tuple[list[Path], list[Path]]:
    """A folder's segments: those nothing will be appended to any more, and the one that may be being written.

    In this order: without a writer after they were listed, all of them are final, for a new one starts a new segment.
    """
    found = segments(folder)
    written = 1 if found and has_writer(folder) else 0
    return found[: len(found) - written], found[len(found) - written :]


def has_header(header: bytes, path: Path) -> bool:
    """False where it is damaged: frames carry marks of their own, and are found without it. Raises OtherVersion."""
    if header[:-1] == HEADER[:-1] and HEADER[-1] < header[-1] <= _LATER_VERSIONS:
        raise OtherVersion(f"{path} was not written by this version of csp-sentinel; let the one that did store it")
    return header == HEADER


_LATER_VERSIONS = 15  # of the format; what is beyond is damage


def start_in(file: BinaryIO, path: Path, read: int | None, broken: Broken, *, final: bool) -> int | None:
    """Where to go on in a segment that was `read` so far, None if it was not; None where it has no header yet.

    One that is shorter than that is told to `broken`, as is a damaged header. Raises OtherVersion.
    """
    at, size = len(HEADER) if read is None else read, os.fstat(file.fileno()).st_size
    if read is None and size < at and not final:
        return None
    right = has_header(file.read(at), path) if read is None and size >= at else size >= at
    broken.segment(path, int(not right))
    return min(at, size)


def read_frames(fd: int, at: int, size: int, chunk: int, *, final: bool, most: int = sys.maxsize) -> Frames:
    """A chunk of whole frames, `most` of them; a frame longer than the chunk alone, in one piece.

    `size` is the file's; `final`: nothing will be appended to it, so what is cut short at its end is torn.
    """
    found = os.pread(fd, min(chunk, size - at), at)
    last = at + chunk >= size
    frames = split(found, final=final and last, most=most)
    if frames.consumed or last:
        return frames
    length = frame_length(found)  # its head is right, or `split` would have gone on
    return split(os.pread(fd, min(length, size - at), at), final=final and at + length >= size)


def decode(record: bytes) -> Delivery:
    """A record that is no delivery is kept for inspection, not lost."""
    try:
        return delivery.decode(record)
    except msgspec.DecodeError:
        now = int(time.time() * 1000)
        return Delivery(now, "", Kind.REFUSAL, 1, b"", record[: delivery.KEPT_BYTES], Reason.UNREADABLE)
