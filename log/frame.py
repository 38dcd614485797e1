"""Framing inside a segment file: mark, length, CRC-32, then one encoded delivery."""

import struct
import zlib
from typing import NamedTuple

HEADER = b"CSPSPL\x00\x01"  # at the start of each segment; the last byte is the version of the format
MAX_FRAME_BYTES = 80 * 1024 * 1024  # longer lengths are damage; bodies are at most 64 MiB
_HEAD = struct.Struct("<2sII")
_MARK = b"\xc5\x9f"
HEAD_BYTES = _HEAD.size  # what a frame is longer than its record
_crc32, _pack = zlib.crc32, _HEAD.pack


def frame(record: bytes) -> bytes:
    return _pack(_MARK, len(record), _crc32(record)) + record


def frame_length(found: bytes) -> int:
    """Of the frame that starts `found`, head included."""
    _mark, length, _checksum = _HEAD.unpack_from(found)
    return _HEAD.size + int(length)


class Frames(NamedTuple):
    records: list[bytes]
    consumed: int  # bytes of the input that need not be read again
    damaged: int  # places where bytes were skipped


def split(found: bytes, *, final: bool) -> Frames:
    """The whole frames in `found`, which starts at a frame.

    A frame that is cut short at the end is left for later, unless `final` says that nothing will follow: then it is
    torn, and skipped. After damage, reading goes on at the next mark that carries a right checksum.
    """
    records: list[bytes] = []
    at, damaged, intact = 0, 0, True
    while len(found) - at >= _HEAD.size:
        mark, length, checksum = _HEAD.unpack_from(found, at)
        end = at + _HEAD.size + length
        if mark == _MARK and length <= MAX_FRAME_BYTES:
            if end > len(found) and not final:
                return Frames(records, at, damaged)
            record = found[at + _HEAD.size : end]
            if len(record) == length and _crc32(record) == checksum:
                records.append(record)
                at, intact = end, True
                continue
        damaged += intact
        intact = False
        at = found.find(_MARK, at + 1)
        if at < 0:
            at = len(found) - (not final)  # half a mark may stand at the end
            break
    if final and at < len(found):
        return Frames(records, len(found), damaged + intact)
    return Frames(records, at, damaged)
