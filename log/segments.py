"""Writing the spool: append-only segment files in one folder, by one writer, up to a quota."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path

from log.frame import HEADER, pieces
from log.protocols import LogFull

SEGMENT_BYTES = 16 * 1024 * 1024
_ROOM_BYTES = 1024 * 1024  # a disk with less is full
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_MOST_PIECES = os.sysconf("SC_IOV_MAX")  # of one write
IDLE_SECONDS = 5.0  # a quiet segment is closed, so that the reader can delete it


class FolderInUse(Exception):
    """Another writer holds the folder."""


def segments(folder: Path) -> list[Path]:
    """A folder's segments, oldest first; the last is the one being written, if a writer lives."""
    return sorted(folder.glob("*.seg"))


def has_writer(folder: Path) -> bool:
    """Whether a live process holds the folder's lock."""
    return is_held(folder / "lock")


def is_held(lock: Path) -> bool:
    """Whether a live process holds this lock file."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


class SegmentWriter:
    """`append` returns when the kernel has the bytes: a killed process loses nothing, a power cut may."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """`max_bytes` bounds what lies in the folder. Raises FolderInUse, OSError."""
        self.full = False
        self.used = 0.0  # share of the quota, or of what the disk has room for
        self._folder = folder
        self._max_bytes = max_bytes
        self.room = max_bytes  # for all that lies in the folder: the quota, or less where the disk has less
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // 4)  # only a closed segment can be deleted
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("wb")
        self._take_lock()
        self._fd = -1
        self._path = folder
        self._size = 0  # of the segment being written
        self.written = ("", 0)  # segment and offset behind the last append
        self._closed_bytes = 0  # of the others, as last seen
        self._measured_at = 0.0
        self._tended_size = 0
        self._written_at = time.monotonic()
        self._open_next()

    def _take_lock(self) -> None:
        """The reader holds the lock for a moment when it looks for a writer: so try more than once."""
        for _ in range(20):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(0.01)
        self._lock.close()
        raise FolderInUse(str(self._folder))

    def append(self, records: Sequence[bytes]) -> None:
        """One write for all of `records`. Raises LogFull, with the segment as it was before."""
        frames = pieces(records)
        if not self._size:
            frames.insert(0, HEADER)
        length = sum(map(len, frames))
        if self._size + self._closed_bytes + length > self._max_bytes and not self.fits(length):
            raise LogFull("the spool's quota is used up")
        try:
            written = os.writev(self._fd, frames if len(frames) <= _MOST_PIECES else [b"".join(frames)])
        except OSError as error:
            written = -error.errno if error.errno else -errno.EIO
        if written != length:
            self._undo(written)
        self._size += length
        self.written = (self._path.name, self._size)
        if self._size >= self._segment_bytes:
            self.roll()

    def fits(self, length: int) -> bool:
        """Counts again what the reader has left before it says no, but not at every refusal."""
        if self.waiting + length > self._max_bytes:
            self.look()
        return self.waiting + length <= self._max_bytes

    @property
    def waiting(self) -> int:
        """Bytes in the folder, as last seen."""
        return self._size + self._closed_bytes

    def look(self) -> None:
        """See what the reader has left, unless that was seen just now."""
        if time.monotonic() > self._measured_at + 0.1:
            self._measure()

    def _undo(self, written: int) -> None:
        """A full disk takes part of a write: cut it off, so that the next frame starts where this one should have."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size)
        raise LogFull(os.strerror(-written) if written < 0 else "the disk is full")

    def roll(self) -> None:
        """Go on in a new segment; in the old one if a new one can't be made."""
        with contextlib.suppress(OSError):
            self._open_next()

    def _open_next(self) -> None:
        """Names rise even when the clock steps back: the reader takes the highest for the one being written."""
        existing = segments(self._folder)
        number = max(time.time_ns(), int(existing[-1].stem) + 1 if existing else 0)
        path = self._folder / f"{number:020d}.seg"
        fresh = path.with_suffix(".new")  # a segment with its header on it, or empty: the reader trusts the last name
        fd = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            size = self._write_header(fd)
            fresh.rename(path)
        except OSError:
            os.close(fd)
            fresh.unlink(missing_ok=True)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._path, self._size = fd, path, size
        self._measure()

    def _write_header(self, fd: int) -> int:
        """Its size; 0 on a full disk, where it goes in front of the first record.

        An empty file can still be made there. Without it the segment that fills the disk would never be closed, and so
        never deleted; and a collector that died could not start again, to ship what makes the disk full.
        """
        try:
            written = os.write(fd, HEADER)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            return 0
        if written != len(HEADER):
            os.ftruncate(fd, 0)
            return 0
        return written

    def _measure(self) -> None:
        self._measured_at = time.monotonic()
        try:
            self._closed_bytes = self._bytes_of_others()
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            # Connections have taken every descriptor: what was last seen has to do.

    def _bytes_of_others(self) -> int:
        found = 0
        with os.scandir(self._folder) as entries:  # Path.glob finds nothing where no file can be opened (Python 3.12)
            for entry in entries:
                if entry.name.endswith(".seg") and entry.name != self._path.name:
                    with contextlib.suppress(FileNotFoundError):  # the reader deletes what is stored
                        found += entry.stat().st_size
        return found

    def tend(self) -> int:
        """Called about once a second: frees a quiet segment for deletion. Returns the bytes in the folder."""
        now = time.monotonic()
        if self._size != self._tended_size:
            self._tended_size, self._written_at = self._size, now
        elif self._size > len(HEADER) and now - self._written_at > IDLE_SECONDS:
            self.roll()
        self._measure()
        used = self.waiting
        disk = os.statvfs(self._folder)
        room = disk.f_bavail * disk.f_frsize
        self.full = used > self._max_bytes * 0.99 or room < _ROOM_BYTES
        self.room = min(self._max_bytes, used + room)
        self.used = 1.0 if self.full else used / self.room
        return used

    def close(self) -> None:
        """Releases the folder; an empty segment goes with it."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        if self._size <= len(HEADER):
            self._path.unlink(missing_ok=True)
        self._lock.close()
