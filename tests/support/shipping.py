"""Shipping by the real shipper, and what arrived of what was shipped."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from log.outbox import Outbox
from log.places import KafkaPlace
from log.shipper import Shipper
from schema.delivery import Delivery, Kind, encode
from tests.support.topics import deliveries

SECONDS = 30  # to wait for what should happen at once


def record(number: int, size: int = 0) -> bytes:
    """A delivery as the spool holds it, known by its number; `size`: bytes more, which zstd can't make less."""
    body = b"%d " % number + os.urandom(size)
    return encode(Delivery(1_793_577_600_000, "shop", Kind.REPORTS, 1, b"agent", body))


def numbers(place: KafkaPlace) -> list[int]:
    """Of the records that are in the topic."""
    return sorted(int(delivery.body.split(b" ")[0]) for delivery in deliveries(place))


@contextlib.asynccontextmanager
async def shipping(folder: Path, place: KafkaPlace, **how: float) -> AsyncIterator[Shipper]:
    shipper = Shipper(folder, place, "host/0", **how)
    running = asyncio.create_task(shipper.run())
    try:
        yield shipper
        assert not running.done() or running.result()
    finally:
        running.cancel()
        await asyncio.wait([running])


def ship(folder: Path, place: KafkaPlace) -> None:
    """Until all is shipped, by a process of its own as far as Kafka can tell."""

    async def run() -> None:
        async with shipping(folder, place) as shipper:
            assert await shipper.drained(SECONDS), shipper.trouble

    asyncio.run(run())


@contextlib.contextmanager
def remembered(folder: Path) -> Iterator[Outbox]:
    """What the next shipper will find; changed as wanted."""
    outbox = Outbox(folder)
    yield outbox
    outbox.save()
    outbox.close()


async def until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.02)
