"""A collector's spool as what is still to be shipped: cuts envelopes from it, and remembers where each one went.

Before an envelope goes out, its place in the spool, its partition and its sequence number there are written down. After
a kill the same bytes go out again under the same numbers, and the broker drops what it has: so nothing doubles.
"""

import contextlib
import logging
import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from log.broken import Broken, is_damage
from log.frame import split
from log.reading import ended, read_frames, start_in
from log.remembered import NO_PRODUCER, Flight, Remembered
from schema.columns import MOST_DELIVERIES

logger = logging.getLogger("sentinel.ship")
_LOOK_BYTES = 1024 * 1024  # to see whether there is anything; damage longer than this is logged in pieces
_LAST_SEQUENCE = 2**31 - 1_000_000  # the broker wraps to 0, aiokafka to a negative number


class SpoolOffset(NamedTuple):
    """A place in a spool; later ones compare greater."""

    segment: str
    offset: int


class Cut(NamedTuple):
    """The next bytes of the spool, and the deliveries in them; `damaged`: pieces between them that are none; `last`:
    nothing was behind it yet.
    """

    segment: str
    start: int
    end: int
    deliveries: list[bytes]
    damaged: int
    last: bool


class Outbox:
    """For the holder of the folder's lock."""

    def __init__(self, folder: Path) -> None:
        """`folder` is one of many in a folder of the data dir. Raises OSError."""
        self._folder = folder
        self._broken = Broken(folder.parent.parent)
        self._remembered = Remembered(folder, self._broken)
        self.state = self._remembered.state
        self._reached = SpoolOffset("", 0)
        self._noted = True  # every landing is written down
        self._closed: deque[Path] = deque()  # segments that nothing is appended to any more, and not cut up
        self._cut_up: set[str] = set()  # segments all of which is cut, and not all landed
        self._left: set[str] = set()  # segments that can't be read
        self.state.read = {name: at for name, at in self.state.read.items() if (folder / name).exists()}
        self._know_again()

    def _know_again(self) -> None:
        """Kafka drops what comes under a number it has seen: reports of now must not go out under numbers of before.

        After a power cut the file may be older than what went out; and a copied folder would go out twice. Then it
        takes a new producer id, and what was under way may count twice.
        """
        here = _here(self._folder)
        if self.state.place not in ("", here):
            logger.warning("the spool was moved, or the machine started anew: what was under way may count twice",
                           extra={"spool": str(self._folder), "envelopes": len(self.state.flights)})  # fmt: skip
            self.state.producer = NO_PRODUCER
        self.state.place = here

    def save(self) -> None:
        self._remembered.save()
        self._noted = True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.note()
        self._remembered.close()

    def settled(self) -> SpoolOffset:
        """Everything before it is in the log."""
        flights = self.state.flights
        return SpoolOffset(flights[0].segment, flights[0].start) if flights else self._reached

    def cut(self, most_bytes: int) -> Cut | None:
        """The next envelope's worth, oldest first; None when everything is cut. Raises OtherVersion, OSError.

        One delivery may have more bytes. The next one begins at the same place until this is taken off.

        Closed segments are listed once: an outage of hours leaves thousands, and each cut must cost the same.
        """
        while True:
            while self._closed:
                path = self._closed[0]
                try:
                    found = self._cut_from(path, most_bytes, final=True)
                except OSError as error:
                    self._leave(path, error)
                else:
                    if found is not None:
                        return found
                    self._cut_up.add(path.name)
                    self._forget(path.name)
                self._closed.popleft()
            over, being_written = ended(self._folder)
            self._closed.extend(path for path in over if path.name not in self._cut_up | self._left)
            if not self._closed:
                return self._cut_from(being_written[0], most_bytes, final=False) if being_written else None

    def _leave(self, path: Path, error: OSError) -> None:
        """A closed segment that the disk doesn't give back; while some of it is under way it stays. Raises OSError."""
        if not is_damage(error):
            raise error
        under_way = any(flight.segment == path.name for flight in self.state.flights)
        self._broken.unreadable(path, error, final=not under_way)
        self._left.add(path.name)

    def _cut_from(self, path: Path, most_bytes: int, *, final: bool) -> Cut | None:
        with path.open("rb") as file:
            start = start_in(file, path, self.state.read.get(path.name), self._broken, final=final)
            if start is None:
                return None
            self.state.read[path.name] = start
            size = os.fstat(file.fileno()).st_size
            while start < size:
                frames = read_frames(file.fileno(), start, size, most_bytes, final=final, most=MOST_DELIVERIES)
                if frames.records:
                    end = start + frames.consumed
                    return Cut(path.name, start, end, frames.records, frames.damaged, not final and end == size)
                self._broken.segment(path, frames.damaged)
                if not frames.consumed:
                    break
                start = self.state.read[path.name] = start + frames.consumed  # damage, and nothing else
        return None

    def take_off(self, cut: Cut, partition: int, created: int) -> Flight:
        """Write down that `cut` goes to `partition` now; `created` in ms."""
        self._broken.segment(self._folder / cut.segment, cut.damaged)
        flight = Flight(cut.segment, cut.start, cut.end, partition, self._next_number(partition), created)
        self.state.flights.append(flight)
        self.state.read[cut.segment] = cut.end
        self._reached = SpoolOffset(cut.segment, cut.end)
        self.save()
        return flight

    def _next_number(self, partition: int) -> int:
        number = self.state.sequences.get(partition, 0)
        self.state.sequences[partition] = number + 1
        return number

    def move(self, flight: Flight, partition: int) -> None:
        """Write down that `flight` goes there now."""
        flight.partition, flight.sequence = partition, self._next_number(partition)
        self.save()

    def land(self, flight: Flight) -> None:
        """It is in the log. Written down with the next, or when there is none: until then the broker drops a repeat."""
        with contextlib.suppress(ValueError):
            self.state.flights.remove(flight)
            self._noted = False
        self._forget(flight.segment)

    def _forget(self, segment: str) -> None:
        """Delete it, once all of it is cut and has landed."""
        if segment in self._cut_up and not any(flight.segment == segment for flight in self.state.flights):
            (self._folder / segment).unlink(missing_ok=True)
            self._cut_up.discard(segment)
            self.state.read.pop(segment, None)

    def deliveries(self, flight: Flight) -> list[bytes]:
        """The same as when it was cut; nothing where the segment is gone, which it only is when all of it landed, or
        where the disk doesn't give it back. Raises OSError.
        """
        path, length = self._folder / flight.segment, flight.end - flight.start
        try:
            with path.open("rb") as file:
                found = os.pread(file.fileno(), length, flight.start)
        except FileNotFoundError:
            return []
        except OSError as error:
            if not is_damage(error):
                raise
            self._broken.unreadable(path, error, final=False)
            return []
        frames = split(found, final=True)
        self._broken.segment(path, frames.damaged or int(len(found) < length))
        return frames.records

    def name(self, its: Cut | Flight) -> str:
        """The envelope's id."""
        return f"{self.state.spool}/{its.segment}/{its.start}"

    def adopt(self, cluster: str, producer: int, epoch: int) -> None:
        """Go on under another producer id, whose sequences start anew."""
        self.state.cluster, self.state.producer, self.state.epoch = cluster, producer, epoch
        self.state.sequences = {}
        for flight in self.state.flights:
            flight.sequence = self._next_number(flight.partition)
        self.save()

    def worn(self) -> bool:
        """Whether it is time for a new producer id: a sequence is near its end, and nothing is under way."""
        return not self.state.flights and max(self.state.sequences.values(), default=0) > _LAST_SEQUENCE

    def note(self) -> None:
        """Nothing is left to cut: note what landed."""
        if not self._noted:
            self.save()

    def empty(self) -> bool:
        """Whether nothing is left to ship."""
        return not self.state.flights and self.cut(_LOOK_BYTES) is None


def _here(folder: Path) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")  # elsewhere than on Linux the folder alone must do
    found = folder.stat()
    return f"{boot.read_text().strip() if boot.exists() else ''}/{found.st_dev}/{found.st_ino}"
