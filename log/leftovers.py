"""Shipping a spool nobody appends to: of an import, or of a collector that is not there any more."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from log.places import KafkaPlace
from log.segments import SEGMENT_BYTES, SegmentWriter
from log.shipper import Shipper

_LOOK_SECONDS = 1.0


def collector_name(folder: Path) -> str:
    """How a spool's envelopes name their packer."""
    return f"{socket.gethostname()}/{folder.name}"


async def ship(folder: Path, place: KafkaPlace, tell: Callable[[str], None] = lambda _: None) -> None:
    """Returns when Kafka has everything, and the folder is gone. `tell` hears about once a second what is wrong, or "".

    Raises FolderInUse, BadOutbox, OtherVersion, OSError.
    """
    writer = SegmentWriter(folder, 4 * SEGMENT_BYTES)  # holds the folder's lock; nothing is appended
    try:
        await _ship(Shipper(folder, place, collector_name(folder)), tell)
    finally:
        writer.close()
    shutil.rmtree(folder)


async def _ship(shipper: Shipper, tell: Callable[[str], None]) -> None:
    shipping = asyncio.create_task(shipper.run())
    try:
        while not await shipper.drained(_LOOK_SECONDS):
            tell(shipper.trouble)
            if shipping.done():
                await shipping
    finally:
        shipping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shipping
