"""What stands behind a 204: the delivery is in the spool (`disk`), will be soon (`memory`), or is in Kafka (`log`)."""

import time
from collections.abc import Sequence
from typing import Any

from ingest.fairness import OVER_LIMIT, RESERVE, Shares
from log.outbox import SpoolOffset
from log.protocols import LogFull
from log.segments import SegmentWriter
from log.shipper import Shipper
from schema import delivery
from schema.delivery import DETAIL, KIND, SITE, Kind
from schema.reasons import Reason

LINGER_SECONDS = 0.05
CONFIRM_SECONDS = 10.0  # for Kafka to acknowledge; then the sender is told to come again
HURRY_SECONDS = 1.5  # when the worker stops
_LOOK_SECONDS = 0.5
HELD_BYTES = 4 * 1024 * 1024
_FRAMING = 64  # more than a frame's head takes
_REFUSAL = Kind.REFUSAL  # as in collector.py
_LITTLE = 0.01  # of the spool


def _by_site(deliveries: Sequence[tuple[Any, ...]], records: Sequence[bytes]) -> dict[str, int]:
    """Bytes, by whose share a Delivery is counted in."""
    lengths: dict[str, int] = {}
    for fields, record in zip(deliveries, records, strict=True):
        is_over = fields[KIND] is _REFUSAL and fields[DETAIL] == Reason.CLIENT_LIMIT
        site = OVER_LIMIT if is_over else fields[SITE]
        lengths[site] = lengths.get(site, 0) + len(record) + _FRAMING
    return lengths


class Spool:
    """`disk`: each append is one write. `memory`: appends are held, and written together by `flush`.

    `log`: as `disk`, and `confirmed` says when Kafka has what was appended.
    """

    def __init__(self, writer: SegmentWriter, *, hold: bool, confirmer: Shipper | None = None) -> None:
        """`confirmer` ships this spool, where a 204 waits for Kafka."""
        self._writer = writer
        self._hold = hold
        self._confirmer = confirmer
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._stuck = False  # the last flush failed
        self._hurry_at = float("inf")
        self._shares = Shares()

    def append(self, *deliveries: tuple[Any, ...]) -> None:
        """Each the fields of a Delivery, in order; together they are one write.

        Raises LogFull: nothing was kept, because the spool is full, or for one of these sites' share of it.
        """
        records = [delivery.encode(fields) for fields in deliveries]
        if self._confirmer is not None and self._confirmer.trouble:
            raise LogFull("Kafka does not answer")
        lengths = _by_site(deliveries, records)
        if self._free < self._writer.room * RESERVE and not self._allows(lengths):
            raise LogFull("the site's share of the spool is used up")
        if self._hold:
            self._keep(records)
        else:
            self._writer.append(records)
        for site, length in lengths.items():
            self._shares.add(site, length)

    def _allows(self, lengths: dict[str, int]) -> bool:
        """Of what seems nearly full, as last seen."""
        return not self._is_nearly_full or self._shares.allow(lengths, self._free)

    @property
    def _free(self) -> int:
        """Bytes, as last seen."""
        return self._writer.room - self._writer.waiting - self._held_bytes

    @property
    def _is_nearly_full(self) -> bool:
        if self._free < self._writer.room * RESERVE:
            self._writer.look()
        return self._free < self._writer.room * RESERVE

    def _keep(self, records: list[bytes]) -> None:
        if self._stuck or self._held_bytes >= HELD_BYTES:
            self.flush()
        length = sum(map(len, records)) + _FRAMING * len(records)
        if not self._writer.fits(self._held_bytes + length):
            raise LogFull("the spool's quota is used up")
        self._held += records
        self._held_bytes += length

    def flush(self) -> None:
        """Write what is held; the quota has room for it. Raises LogFull where the disk is full, and goes on holding."""
        if not self._held:
            return
        self._stuck = True
        self._writer.append(self._held)
        self._held, self._held_bytes, self._stuck = [], 0, False

    @property
    def waits(self) -> bool:
        """Whether an answer has to wait for `confirmed`."""
        return self._confirmer is not None

    async def confirmed(self) -> bool:
        """Whether Kafka acknowledges in time what was appended so far; what it doesn't may be counted all the same."""
        if self._confirmer is None:
            return True
        position, ends = SpoolOffset(*self._writer.written), time.monotonic() + CONFIRM_SECONDS
        while time.monotonic() < min(ends, self._hurry_at):
            if await self._confirmer.confirmed(position, _LOOK_SECONDS):
                return True
        return False

    def hurry(self) -> None:
        """The worker stops: who waits for Kafka is answered before the connections are cut."""
        self._hurry_at = time.monotonic() + HURRY_SECONDS

    def tend(self) -> None:
        """Called about once a second."""
        self._shares.shrink(self._writer.waiting + self._held_bytes)

    @property
    def full(self) -> bool:
        """Whether all reports are turned away now: those of every site that has some here."""
        if self._writer.full or (self._confirmer is not None and self._confirmer.trouble):
            return True
        return self._is_nearly_full and self._shares.used_up(self._free, int(self._writer.room * _LITTLE))
