"""Shipping a spool nobody appends to: of an import, or of a collector that is not there any more."""

import asyncio
import contextlib
import logging
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from log.places import KafkaPlace
from log.reading import OtherVersion
from log.segments import SEGMENT_BYTES, FolderInUse, SegmentWriter
from log.shipper import Shipper

logger = logging.getLogger("sentinel.ship")
_LOOK_SECONDS = 1.0


def collector_name(folder: Path) -> str:
    """How a spool's envelopes name their packer."""
    return f"{socket.gethostname()}/{folder.name}"


async def adopt(folders: Iterable[Path], place: KafkaPlace | None) -> None:
    """One after the other; what can't be shipped is told, and left for the next start."""
    if place is None:
        return
    for folder in folders:
        try:
            await ship(folder, place)
        except FolderInUse:
            continue  # an import's, or its own worker's again
        except (OtherVersion, OSError) as error:
            logger.error("a spool that was left behind can't be shipped: %s", error, extra={"spool": str(folder)})


async def ship(folder: Path, place: KafkaPlace) -> None:
    """Returns when Kafka has all of it and the folder is gone. Raises FolderInUse, OtherVersion, OSError."""
    writer = SegmentWriter(folder, 4 * SEGMENT_BYTES)  # holds the folder's lock; nothing is appended
    try:
        await _ship(Shipper(folder, place, collector_name(folder)))
        shipped = _set_aside(folder)
    finally:
        writer.close()
    shutil.rmtree(shipped)


def _set_aside(folder: Path) -> Path:
    """While we have its lock: a worker that comes back may be waiting for it, to write there."""
    return folder.rename(folder.with_name(f"{folder.name}.shipped"))


async def _ship(shipper: Shipper) -> None:
    shipping = asyncio.create_task(shipper.run())
    try:
        while not await shipper.drained(_LOOK_SECONDS):
            if shipping.done():
                await shipping
    finally:
        shipping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shipping
