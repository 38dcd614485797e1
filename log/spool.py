"""Reading the spool: on one machine the segment files themselves are the log, with one reader for all writers."""

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from log import position as positions
from log.broken import Broken, is_damage
from log.frame import HEADER
from log.oldest import Oldest
from log.position import Pending, Position
from log.protocols import USUAL_ROOM, Batch, Room
from log.reading import decode, ended, read_frames, start_in
from log.segments import segments
from schema.delivery import Delivery

# A small batch waits this long for company: an insert costs the same for one row as for 1000. At 20 reports a second
# `run` took 27% of a core, and 35% with 0.4 s.
LINGER_SECONDS = 1.0
POLL_SECONDS = 0.05
_CHUNK_BYTES = 1024 * 1024


@dataclass
class _Read:
    """What is gathered for one batch, by segment, because a repeat reads segment after segment.

    Decoded chunk by chunk: all records beside all deliveries would be twice a batch.
    """

    deliveries: dict[str, list[Delivery]]
    end: dict[str, int]
    size: int = 0
    reports: int = 0

    def is_full(self, room: Room) -> bool:
        return self.size >= room.bytes or self.reports >= room.reports


class SpoolConsumer:
    """Reads all workers' segments, remembers what is stored, deletes what is no longer needed."""

    def __init__(self, folder: Path, position: Path, broken: Broken | None = None) -> None:
        """`folder` holds a folder a writer; `position` is the file to remember in; `broken` hears of what is damaged.

        Raises OSError.
        """
        self._folder = folder
        self._file = position
        self._broken = broken or Broken(folder.parent)
        self._position = self._load()
        self._replay = self._position.pending
        self._read_to = dict(self._position.stored)
        self._oldest = Oldest()
        self.lag = self._oldest.age
        self._density = 0.0  # reports in a byte, of the last batch
        self._first = -1
        folder.mkdir(parents=True, exist_ok=True)

    def _load(self) -> Position:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        found = positions.load(self._file)
        for path in found.broken:
            kept = self._broken.keep(path, path.name, goes=True)
            left = sum(_unread(self._folder, found.position, "*"))
            means = (
                "its copy is right, and nothing is lost or counted twice"
                if found.known
                else f"the spool is read from its start: what of its {left} bytes is stored already counts twice"
            )
            self._broken.tell("position", f"the position file {path} is damaged or old: {means}; kept as {kept}")
        return found.position

    async def next(self, room: Room = USUAL_ROOM) -> Batch | None:
        if self._replay is not None:
            batch = self._again(self._replay)
            self._replay = None
            return batch
        read = await self._gather(room)
        if not read.end:
            self._oldest.is_of(None)
            self._delete_stored()  # a segment that was closed since the last batch
            return None
        return self._batch(uuid.uuid4().hex, read, None)

    def _batch(self, name: str, read: _Read, decided: bytes | None) -> Batch:
        deliveries = [found for key in read.end for found in read.deliveries.get(key, [])]
        self._oldest.is_of(min((found.received_ms for found in deliveries), default=None))
        if deliveries:
            self._density = sum(found.count for found in deliveries) / read.size
        return Batch(name, deliveries, decided, read.end)

    async def _gather(self, room: Room) -> _Read:
        """A full batch at once, and one nobody writes to any more; a small one after the linger, as an empty one."""
        read = _Read({}, {})
        started = time.monotonic()
        while True:
            written = self._pass(read, room)
            if (read.end and not written) or read.is_full(room) or time.monotonic() - started >= LINGER_SECONDS:
                return read
            await asyncio.sleep(POLL_SECONDS)

    def _pass(self, read: _Read, room: Room) -> bool:
        """Whether anybody was writing meanwhile, as far as the room let it be seen."""
        folders = self._folders()
        written = False
        self._first += 1  # another folder first each time: a busy writer must not keep the others waiting
        for number in range(len(folders)):
            final, last = ended(folders[(self._first + number) % len(folders)])
            written = written or bool(last)
            for path in [*final, *last]:
                if read.is_full(room):
                    return written
                self._read_segment(path, read, room, final=path not in last)
        return written

    def _folders(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.is_dir())

    def _read_segment(self, path: Path, read: _Read, room: Room, *, final: bool) -> None:
        """As many chunks as the batch has room for; `final`: nothing more will be written here."""
        try:
            with path.open("rb") as file:
                self._read_file(file, path, read, room, final=final)
        except FileNotFoundError:
            pass  # a writer that ends takes its empty segment along
        except OSError as error:
            self._broken.unreadable(path, error, final=final)

    def _read_file(self, file: BinaryIO, path: Path, read: _Read, room: Room, *, final: bool) -> None:
        key = _key(path)
        at = start_in(file, path, self._read_to.get(key), self._broken, final=final)
        if at is None:
            return
        self._read_to[key] = at
        if at < self._position.stored.get(key, 0):
            self._position.stored[key] = at  # what was stored of it is gone
        size = os.fstat(file.fileno()).st_size
        while at < size and not read.is_full(room):
            frames = read_frames(file.fileno(), at, size, _CHUNK_BYTES, final=final)
            if not frames.consumed:
                break
            self._broken.segment(path, frames.damaged)
            at += frames.consumed
            self._read_to[key] = read.end[key] = at
            found = [decode(record) for record in frames.records]
            read.deliveries.setdefault(key, []).extend(found)
            read.size += frames.consumed
            read.reports += sum(delivery.entries for delivery in found)

    def _again(self, pending: Pending) -> Batch:
        """The batch that was being inserted when the process died: the same range, the same id."""
        read = _Read({}, pending.end)
        for key, end in pending.end.items():
            start = pending.start.get(key, len(HEADER))
            read.deliveries[key] = self._read_again(self._folder / key, start, end)
            read.size += max(0, end - start)
            self._read_to[key] = end
        return self._batch(pending.id, read, pending.decided)

    def _read_again(self, path: Path, at: int, end: int) -> list[Delivery]:
        """None of a segment that is gone or that the disk doesn't give back. Raises OSError."""
        found: list[Delivery] = []
        try:
            with path.open("rb") as file:
                while at < end:
                    frames = read_frames(file.fileno(), at, end, _CHUNK_BYTES, final=True)
                    if not frames.consumed:
                        break
                    self._broken.segment(path, frames.damaged)
                    found += [decode(record) for record in frames.records]
                    at += frames.consumed
        except FileNotFoundError:
            return []
        except OSError as error:
            if not is_damage(error):
                raise
            self._broken.unreadable(path, error, final=True)
            return []
        return found

    async def intend(self, batch: Batch) -> None:
        stored = self._position.stored
        start = {key: stored[key] for key in batch.end if key in stored}
        self._position.pending = Pending(batch.id, start, batch.end, batch.decided or b"")
        self._save()

    async def commit(self, batch: Batch) -> None:
        self._position.stored.update(batch.end)
        self._position.pending = None
        self._save()
        self._delete_stored()

    def _delete_stored(self) -> None:
        """Segments read to their end, but for those a writer may still append to."""
        stored = self._position.stored
        for folder in self._folders():
            for path in ended(folder)[0]:
                with contextlib.suppress(FileNotFoundError):
                    if stored.get(_key(path), len(HEADER)) >= path.stat().st_size:
                        path.unlink()
        kept = {_key(path) for folder in self._folders() for path in segments(folder)}
        for known in (stored, self._read_to):
            for key in known.keys() - kept:
                del known[key]

    async def empty(self) -> bool:
        return True  # all of it was read by the `next` that gave nothing

    async def close(self) -> None:
        """Nothing is held open."""

    def behind(self) -> float:
        return self._density * sum(_unread(self._folder, self._position, "*"))

    def _save(self) -> None:
        positions.save(self._file, self._position)


def _key(path: Path) -> str:
    """A segment's name in the position."""
    return f"{path.parent.name}/{path.name}"


def unread_bytes(folder: Path, position: Path, writer: str = "*") -> Iterator[int]:
    """Bytes not stored yet, by segment, of one writer or all; for those who wait without being the reader."""
    yield from _unread(folder, positions.newest(position), writer)


def _unread(folder: Path, position: Position, writer: str) -> Iterator[int]:
    for path in folder.glob(f"{writer}/*.seg"):
        with contextlib.suppress(FileNotFoundError):
            yield max(0, path.stat().st_size - position.stored.get(_key(path), len(HEADER)))
