"""The log as the processor reads it, from a spool or from Kafka, and what may be wrong with either end."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from schema.delivery import Delivery


class LogFull(Exception):
    """The log can take no more now: quota reached or disk full. Nothing of the record was kept."""


class LogAway(Exception):
    """The log can't be used now. Carries a sentence; trying again later may help."""


class Lost(Exception):
    """The batch is another processor's now, or will be read again: forget it."""


@dataclass
class Batch:
    """Deliveries that are inserted together. A repeat after a crash has the same id and the same deliveries."""

    id: str
    deliveries: list[Delivery]
    # What the processor decided about the batch, remembered with it so that a repeat decides the same; None: not yet.
    # At most DECIDED_BYTES.
    decided: bytes | None = None
    end: dict[str, int] = field(default_factory=dict)  # where the batch ends in the log; the consumer's own affair


# So that a bit for each fits where a batch's decisions are kept; of single reports, that is less than half of the Room.
BATCH_DELIVERIES = 19_000  # of Kafka's
DECIDED_BYTES = 2500  # Kafka keeps 4096 characters beside an offset (`offset.metadata.max.bytes`)


class Room(NamedTuple):
    """What a batch may hold, and what comes together with the last of it."""

    # Of bodies; in a spool also of what is around them. An insert costs some 65 ms of CPU whatever is in it, and what
    # it makes is merged: of 48 MiB a report that is like no other took 60 µs, of 16 MiB 80. With 64 MiB it was 57
    # instead of 64 in one run, and the processor 70 MiB larger.
    bytes: int = 48 * 1024 * 1024
    # Short ones take more memory as rows than as bodies: 48 MiB of the shortest would make a processor of 1.9 GB.
    reports: int = 64_000


USUAL_ROOM = Room()


class Consumer(Protocol):
    """The processor's end. For each batch: next, intend, insert, commit."""

    async def next(self, room: Room = USUAL_ROOM) -> Batch | None:
        """The next batch; None when nothing came for a while.

        Raises LogAway, OtherVersion.
        """

    async def intend(self, batch: Batch) -> None:
        """Write down what is about to be inserted, so that a repeat is the same. Raises LogAway, Lost, OSError."""

    async def commit(self, batch: Batch) -> None:
        """The batch is stored: the log may forget it. Raises LogAway, Lost, OSError."""

    async def empty(self) -> bool:
        """Whether everything in the log is committed, when `next` gave nothing. Raises LogAway."""

    def lag(self) -> float | None:
        """Age in seconds of the oldest delivery not committed; 0 when there is none, None before the first look."""

    def behind(self) -> float:
        """How many reports are not committed: what is left, times what as much of it held lately."""

    async def close(self) -> None:
        """Leave the rest to others."""
