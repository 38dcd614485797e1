"""What goes out next, as a record of Kafka's: a full envelope, and less where it can't be compressed."""

import asyncio
import functools
import time
from typing import NamedTuple

from log.outbox import Cut, Outbox
from log.remembered import Flight
from schema.envelope import pack

# Of the spool: some 3,000 reports, where so many wait. The more there are beside each other, the less each takes: of
# typical traffic 69 bytes in 64 KiB, 45 in 256 KiB, 34 in 960 KiB, 30 in 2 MiB, 28 in 3.
ENVELOPE_BYTES = 3 * 1024 * 1024
# The least topic takes records of 1 MiB. What can't be compressed must fit, or it stops all that is behind it.
SURE_BYTES = 960 * 1024
_AT_ONCE_BYTES = 128 * 1024  # packed within half a millisecond


class Packed(NamedTuple):
    """`created` in ms."""

    cut: Cut
    created: int
    record: bytes


class Packer:
    """`collector` names itself in the envelopes."""

    def __init__(self, outbox: Outbox, collector: str) -> None:
        self._outbox = outbox
        self._collector = collector

    async def next(self) -> Packed | None:
        """Not taken off yet; None when everything is. Where it can't be compressed, a third is packed a second time."""
        found = await self._cut(ENVELOPE_BYTES)
        if found is not None and len(found.record) > SURE_BYTES and len(found.cut.deliveries) > 1:
            found = await self._cut(SURE_BYTES)
        return found

    async def _cut(self, most_bytes: int) -> Packed | None:
        cut = self._outbox.cut(most_bytes)
        if cut is None:
            return None
        created = int(time.time() * 1000)
        return Packed(cut, created, await self._packed(cut, created, cut.deliveries))

    async def again(self, flight: Flight, deliveries: list[bytes]) -> bytes:
        """The record of what is under way."""
        return await self._packed(flight, flight.created, deliveries)

    async def _packed(self, its: Cut | Flight, created: int, deliveries: list[bytes]) -> bytes:
        """In a thread where it is much: a full one would stop the loop for some 17 ms, of usual reports or of random
        bytes. Three quarters of that is zstd's, which lets other threads run.
        """
        made = functools.partial(pack, self._outbox.name(its), self._collector, created, deliveries)
        return made() if its.end - its.start <= _AT_ONCE_BYTES else await asyncio.to_thread(made)
