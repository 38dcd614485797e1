"""What stands behind a 204: the delivery is in the log (`disk`), or will be within the linger (`memory`)."""

from typing import Any

from log.protocols import LogFull, Producer
from schema import delivery

LINGER_SECONDS = 0.05
HELD_BYTES = 4 * 1024 * 1024
_FRAMING = 64  # more than a frame's head takes


class Spool:
    """`disk`: each append is one write. `memory`: appends are held, and written together by `flush`."""

    def __init__(self, producer: Producer, *, hold: bool) -> None:
        self._producer = producer
        self._hold = hold
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._stuck = False  # the last flush failed

    def append(self, fields: tuple[Any, ...]) -> None:
        """`fields` of a Delivery, in order. Raises LogFull: nothing of it was kept."""
        record = delivery.encode(fields)
        if not self._hold:
            self._producer.append((record,))
            return
        if self._stuck or self._held_bytes >= HELD_BYTES:
            self.flush()
        length = len(record) + _FRAMING
        if not self._producer.fits(self._held_bytes + length):
            raise LogFull("the spool's quota is used up")
        self._held.append(record)
        self._held_bytes += length

    def flush(self) -> None:
        """Write what is held; the quota has room for it. Raises LogFull where the disk is full, and goes on holding."""
        if not self._held:
            return
        self._stuck = True
        self._producer.append(self._held)
        self._held, self._held_bytes, self._stuck = [], 0, False

    @property
    def full(self) -> bool:
        """Whether reports are turned away now."""
        return self._producer.full
