"""What a collector remembers of its shipping: written before every envelope, in two files alike.

One that is damaged is known by its checksums and set aside: the other says the same, so that nothing is lost and
nothing counts twice.
"""

import uuid
from pathlib import Path
from typing import NamedTuple

import msgspec

from log.broken import Broken
from log.segments import segments
from log.slots import Slots

_NAMES = ("shipping", "shipping-copy")  # in a spool's folder
_SLOT_BYTES = 128 * 1024  # a sequence number for each of 10,000 partitions
NO_PRODUCER = -1


class Flight(msgspec.Struct):
    """An envelope that went out and is not acknowledged: bytes `start` to `end` of a segment; `created` in ms."""

    segment: str
    start: int
    end: int
    partition: int
    sequence: int
    created: int


class State(msgspec.Struct):
    """`sequences`: the next one, by partition, of the idempotent producer `producer` of Kafka cluster `cluster`."""

    spool: str
    cluster: str = ""
    producer: int = NO_PRODUCER
    epoch: int = NO_PRODUCER
    sequences: dict[int, int] = {}
    read: dict[str, int] = {}  # offset by segment: what is before it is in a flight, or shipped
    flights: list[Flight] = []
    place: str = ""  # where this was written: the machine's start, and the folder's own number


class _Found(NamedTuple):
    """`turn`: how often it was written."""

    turn: int
    state: State | None
    whole: bool


def is_there(folder: Path) -> bool:
    """Whether something of this spool may be on its way to Kafka."""
    return any((folder / name).exists() for name in _NAMES)


def forget(folder: Path) -> None:
    for name in _NAMES:
        (folder / name).unlink(missing_ok=True)


class Remembered:
    """For the holder of the folder's lock."""

    def __init__(self, folder: Path, broken: Broken) -> None:
        """`broken` hears of what is damaged. Raises OSError."""
        self._folder = folder
        self._broken = broken
        self._files: list[Slots] = []
        try:
            self.state = self._load()
            self._fill()
        except BaseException:
            self.close()
            raise

    def _load(self) -> State:
        """One that is missing is made: of a kill in the very first start, or of a version that knew no copy."""
        paths = [self._folder / name for name in _NAMES]
        made = [path.exists() for path in paths]
        found = [_look(path, known=all(made)) for path in paths]
        latest = max(found, key=lambda its: its.turn)
        # A kill between the two leaves one of them a turn behind.
        good = [its.whole and its.turn >= latest.turn - 1 for its in found]
        state = latest.state or State(uuid.uuid4().hex)
        exact = any(right and was for right, was in zip(good, made, strict=True))
        for path, right, was in zip(paths, good, made, strict=True):
            if was and not right:
                self._set_aside(path, exact=exact, known=latest.state is not None)
            self._files.append(Slots(path, _SLOT_BYTES, latest.turn))
        if any(made) and not exact:
            # It is of before the last envelopes, under whose numbers reports of now must not go out.
            state.producer = NO_PRODUCER
        return state

    def _set_aside(self, path: Path, *, exact: bool, known: bool) -> None:
        kept = self._broken.keep(path, f"{self._folder.name}-{path.name}", goes=True)
        left = sum(its.stat().st_size for its in segments(self._folder))
        means = (
            "its copy is right, and nothing is lost or counted twice"
            if exact
            else "nothing is lost, and the envelopes that went out last may count twice"
            if known
            else f"the spool is shipped from its start: what of its {left} bytes is in Kafka already counts twice"
        )
        self._broken.tell("shipping", f"the file {path} of what was shipped is damaged or old: {means}; kept as {kept}")

    def _fill(self) -> None:
        """Both slots of each: from then on an empty one is damage."""
        content = msgspec.msgpack.encode(self.state)
        for _ in range(2):
            self._save(content)

    def save(self) -> None:
        """Survives the process, as all of the spool does. Raises OSError."""
        self._save(msgspec.msgpack.encode(self.state))

    def _save(self, content: bytes) -> None:
        for file in self._files:
            file.save(content)

    def close(self) -> None:
        for file in self._files:
            file.close()


def _look(path: Path, *, known: bool) -> _Found:
    """`known`: both files are there, so each was written once at least. Raises PermissionError."""
    try:
        slots = Slots(path, _SLOT_BYTES)
    except IsADirectoryError:
        return _Found(0, None, whole=False)
    try:
        its = slots.load()
        state = msgspec.msgpack.decode(its.content, type=State) if its.content is not None else None
    except msgspec.DecodeError:
        return _Found(0, None, whole=False)
    finally:
        slots.close()
    return _Found(its.turn, state, its.whole and (its.turn > 0 or not known))
