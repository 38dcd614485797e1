"""A small file that is overwritten often, and read whole after any kill, on a disk without a byte left.

Two slots of fixed size take turns, so that a write that was cut short leaves the one before it; the file is as long
from its first day as it will ever be, so that a full disk doesn't keep a full spool from being emptied.
"""

import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from log.broken import is_damage

_HEAD = struct.Struct("<4sQII")  # mark, turn, length, CRC-32
_MARK = b"CSPS"


class Saved(NamedTuple):
    """`content`: what was saved last, or before that where a slot is damaged; None if there is nothing.

    `turn`: how often it was saved; `whole`: neither slot is damaged.
    """

    turn: int
    content: bytes | None
    whole: bool


class Slots:
    """One writer at a time: who uses it holds the folder's lock."""

    def __init__(self, path: Path, size: int, turn: int = 0) -> None:
        """`size`: most bytes of a slot's content; `turn`: of the last that was saved. Raises OSError."""
        self._path = path
        self._size = _HEAD.size + size
        self._turn = turn
        fresh = path.with_suffix(".new")
        if not path.exists():
            fresh.write_bytes(bytes(2 * self._size))
            fresh.replace(path)
        self._fd = os.open(path, os.O_RDWR)

    def load(self) -> Saved:
        found = [self._read(number) for number in (0, 1)]
        good = [slot for slot in found if isinstance(slot, tuple)]
        self._turn, content = max(good, default=(0, None))
        whole = os.fstat(self._fd).st_size == 2 * self._size and False not in found
        return Saved(self._turn, content, whole and len(good) == min(self._turn, 2))

    def _read(self, number: int) -> tuple[int, bytes] | bool | None:
        """Turn and content; None if the slot is still empty, False if it is damaged."""
        try:
            slot = os.pread(self._fd, self._size, number * self._size)
        except OSError as error:
            if not is_damage(error):
                raise
            return False
        if not slot.strip(b"\0"):
            return None
        if len(slot) < _HEAD.size:
            return False
        mark, turn, length, checksum = _HEAD.unpack_from(slot)
        content = slot[_HEAD.size : _HEAD.size + length]
        whole = mark == _MARK and len(content) == length and _checksum(turn, content) == checksum
        return (turn, content) if whole else False

    def save(self, content: bytes) -> None:
        """Survives the process, as all of the spool does. Raises OSError."""
        if _HEAD.size + len(content) > self._size:
            raise ValueError(f"{len(content)} bytes don't fit a slot")
        turn = self._turn + 1
        slot = _HEAD.pack(_MARK, turn, len(content), _checksum(turn, content)) + content
        if os.pwrite(self._fd, slot, turn % 2 * self._size) != len(slot):
            raise OSError(f"{self._path} could not be written whole")
        self._turn = turn

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _checksum(turn: int, content: bytes) -> int:
    """Of the head too: with a new turn on old content a slot would pass for the newer one."""
    return zlib.crc32(content, zlib.crc32(struct.pack("<QI", turn, len(content))))
