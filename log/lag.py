"""How far the processors are behind, asked of Kafka itself: for a console that runs elsewhere, and for `--drain`."""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    KafkaTimeoutError,
    UnknownTopicOrPartitionError,
)

from log.admin import admin
from log.kafka import CannotReach, NoTopic, connection, described, stop, why
from log.places import KafkaPlace
from schema import metrics

logger = logging.getLogger("sentinel.lag")
EVERY_SECONDS = 5.0
OLD_SECONDS = 30.0  # what was measured longer ago is not known any more
_LONGEST_PAUSE = 20.0
_MEASURE_SECONDS = 15.0
_PEEK_SECONDS = 3.0
# Kafka gives a whole record where it is larger: envelopes of 500 reports have about 20 KB, those of a backlog 90.
_PEEK_BYTES = 16 * 1024
_PEEKED = 64  # partitions, those with the most to come: what a look may cost is bounded
_COORDINATOR_SECONDS = 5.0  # the first question about any group makes Kafka create the topic for its answer


class _PartitionLag(NamedTuple):
    start: int  # offset of the first envelope that is not committed
    envelopes: int


class KafkaLag:
    """`measure` asks now; `watch` keeps asking, and `seconds` tells what it found last."""

    def __init__(self, place: KafkaPlace) -> None:
        self._place = place
        self._last: tuple[float, float] | None = None  # when, by the monotonic clock, and what

    def seconds(self) -> float | None:
        """None where it is not known. For any thread."""
        last = self._last
        return None if last is None or time.monotonic() - last[0] > OLD_SECONDS else last[1]

    async def measure(self) -> tuple[float, int]:
        """Seconds since Kafka took the oldest envelope that the group has not committed (0.0 where there is none), and
        how many there are. Raises CannotReach, NoTopic.
        """
        async with _asked(self._place) as (client, reader):
            behind = await _behind(client, reader, self._place)
            oldest_ms = await _oldest_ms(reader, behind) if behind else 0
        seconds = max(0.0, time.time() - oldest_ms / 1000) if behind else 0.0
        return seconds, sum(partition.envelopes for partition in behind.values())

    async def watch(self) -> None:
        """Until cancelled."""
        pause, told = EVERY_SECONDS, ""
        while True:
            try:
                seconds, _ = await self.measure()
                self._last = (time.monotonic(), seconds)
                metrics.LAG_SECONDS.set(seconds)
                pause, told = EVERY_SECONDS, ""
            except CannotReach as error:
                if str(error) != told:
                    logger.warning("how far the processors are behind is not known: %s", error)
                told = str(error)
                metrics.LAG_SECONDS.set(math.nan)
                pause = min(_LONGEST_PAUSE, 2 * pause)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  (no secret)


async def left(place: KafkaPlace) -> int:
    """Envelopes that the group has not committed. Raises CannotReach, NoTopic."""
    async with _asked(place) as (client, reader):
        return sum(partition.envelopes for partition in (await _behind(client, reader, place)).values())


@contextlib.asynccontextmanager
async def _asked(place: KafkaPlace) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
    """Connected anew for each question: a client that stays would name the topic whenever it renews its metadata, and
    so create it where somebody has deleted it.
    """
    async with admin(place) as client, asyncio.timeout(_MEASURE_SECONDS):
        reader = AIOKafkaConsumer(
            **connection(place),
            group_id=None,
            auto_offset_reset="earliest",  # where Kafka has deleted what was to be read
            max_partition_fetch_bytes=_PEEK_BYTES,
        )
        try:
            await reader.start()
            yield client, reader
        finally:
            await stop(reader)


async def _behind(
    client: AIOKafkaAdminClient, reader: AIOKafkaConsumer, place: KafkaPlace
) -> dict[TopicPartition, _PartitionLag]:
    """Only partitions with something left. The ends are asked for last, so that nothing left means that."""
    _, topics = await described(client, place.topic)
    if place.topic not in topics:
        raise NoTopic(await why(place, UnknownTopicOrPartitionError()))
    partitions = [TopicPartition(place.topic, found["partition"]) for found in topics[place.topic]["partitions"]]
    committed = await _committed(client, place, partitions)
    firsts = await reader.beginning_offsets(partitions)
    ends = await reader.end_offsets(partitions)
    behind = {}
    for partition in partitions:
        first, end = firsts[partition], ends[partition]
        # Outside, where Kafka deleted records before they were read, or the topic is another one.
        start = committed[partition] if first <= committed[partition] <= end else first
        if start < end:
            behind[partition] = _PartitionLag(start, end - start)
    return behind


async def _committed(
    client: AIOKafkaAdminClient, place: KafkaPlace, partitions: list[TopicPartition]
) -> dict[TopicPartition, int]:
    """The group's offsets, -1 where there is none."""
    ends = time.monotonic() + _COORDINATOR_SECONDS
    while True:
        try:
            found = await client.list_consumer_group_offsets(place.group, partitions=partitions)
            if found.keys() < set(partitions):  # aiokafka overlooks an error of the answer as a whole
                raise GroupCoordinatorNotAvailableError(f"the offsets of the group {place.group} can't be read")
            return {partition: its.offset for partition, its in found.items()}
        except KafkaError as error:
            if not error.retriable or time.monotonic() > ends:
                raise
        await asyncio.sleep(0.2)


async def _oldest_ms(reader: AIOKafkaConsumer, behind: dict[TopicPartition, _PartitionLag]) -> int:
    """The earliest time of the first envelopes of the partitions."""
    most = sorted(behind, key=lambda partition: behind[partition].envelopes, reverse=True)[:_PEEKED]
    reader.assign(most)
    for partition in most:
        reader.seek(partition, behind[partition].start)
    waiting = set(most)
    times: list[int] = []
    ends = time.monotonic() + _PEEK_SECONDS
    while waiting and (remains := ends - time.monotonic()) > 0:
        found = await reader.getmany(*waiting, timeout_ms=int(remains * 1000))
        times += [records[0].timestamp for records in found.values()]
        waiting -= found.keys()
        reader.pause(*found)
    if not times:
        raise KafkaTimeoutError("the oldest envelope can't be read")
    return min(times)
