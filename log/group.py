"""Kafka as the processor reads it: a batch is a fixed range of one partition's offsets.

What is about to be inserted stands in the metadata of the group's offset before it is inserted. Whoever owns the
partition next finds it there, and repeats the same batch under the same id.
"""

import asyncio
import contextlib
import time
import uuid
from collections import deque
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from log import intents
from log.behind import Behind
from log.dead import Opener
from log.intents import Intent
from log.kafka import CannotReach, why
from log.lag import left
from log.membership import Membership, tell_of_a_gap
from log.oldest import Oldest
from log.places import KafkaPlace
from log.protocols import BATCH_DELIVERIES, USUAL_ROOM, Batch, Lost, Room
from log.reading import OtherVersion
from schema.delivery import Delivery

LINGER_SECONDS = 1.0  # what is not much waits this long for company: see log/spool.py
_POLL_SECONDS = 0.1
_LOOK_SECONDS = 0.001  # for what has been fetched meanwhile
_PULLED_BYTES = 8 * 1024 * 1024  # packed records held; they are unpacked a batch at a time
_FAILURES = 3  # commits that fail before the group is joined anew
_PULLED_RECORDS = 100  # at a time
_REPEAT_SECONDS = 60.0  # to read a batch again


@dataclass
class _Range:
    """Where a batch lies; `term`: the membership's when it was read."""

    partition: TopicPartition
    start: int
    end: int
    term: int


class GroupConsumer:
    """A Consumer. One batch at a time."""

    def __init__(self, place: KafkaPlace) -> None:
        self._place = place
        self._opener = Opener(place)
        self._membership: Membership | None = None
        self._term = -1  # of which we know where to go on
        self._stored: dict[TopicPartition, int] = {}
        self._under_way: dict[TopicPartition, Intent] = {}  # batches of others that must be repeated first
        self._pulled: dict[TopicPartition, deque[ConsumerRecord]] = {}
        self._range: _Range | None = None  # of the batch that was handed out and is not committed
        self._oldest = Oldest()
        self.lag = self._oldest.age
        self._failures = 0  # commits in a row
        self._behind = Behind()
        self.behind = self._behind.reports

    async def next(self, room: Room = USUAL_ROOM) -> Batch | None:
        try:
            if self._membership is None:
                self._membership = await Membership.join(self._place)
            return await self._next(self._membership, room)
        except (Lost, IllegalStateError):  # the partitions changed meanwhile
            return None
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise CannotReach(await why(self._place, error)) from error

    async def _next(self, membership: Membership, room: Room) -> Batch | None:
        membership.listen()
        if self._term != membership.term or self._range is not None:
            await self._take_over(membership)
        if self._under_way:
            return await self._again(membership, next(iter(self._under_way)))
        await self._gather(membership)
        batch = await self._batch(room)
        self._check(membership)
        if batch is None:
            await self._pass_holes(membership)
        return batch

    async def _pass_holes(self, membership: Membership) -> None:
        """Offsets without a record: Kafka's own marks at the end of other people's transactions."""
        for partition, stored in self._stored.items():
            position = await membership.consumer.position(partition)
            if position > stored and not self._pulled.get(partition):
                await membership.commit(self._term, partition, position, "")
                self._stored[partition] = position

    def _check(self, membership: Membership) -> None:
        if membership.term != self._term:
            raise Lost

    async def _take_over(self, membership: Membership) -> None:
        self._pulled, self._range = {}, None
        self._oldest.forget()
        term = membership.term
        standings = await membership.standings()
        for partition, standing in standings.items():
            if standing.offset < (wanted := self._stored.get(partition, 0)):
                tell_of_a_gap(partition, wanted, standing.offset)
        self._stored = {partition: standing.offset for partition, standing in standings.items()}
        self._under_way = {
            partition: standing.intent for partition, standing in standings.items() if standing.intent is not None
        }
        self._term = term

    async def _again(self, membership: Membership, partition: TopicPartition) -> Batch:
        """The batch that was being inserted when its processor lost the partition: the same range, the same id."""
        pending, start = self._under_way[partition], self._stored[partition]
        membership.consumer.seek(partition, start)  # an earlier try may have come to nothing
        records: deque[ConsumerRecord] = deque()
        async with asyncio.timeout(_REPEAT_SECONDS):
            while await membership.consumer.position(partition) < pending.end:
                found = await self._pull(membership, partition)
                records.extend(found.get(partition, []))
        deliveries: list[Delivery] = []
        while records and records[0].offset < pending.end:
            deliveries += await self._opener.opened(records[0])
            records.popleft()
        self._check(membership)
        self._pulled[partition] = records
        del self._under_way[partition]
        return self._handed_out(pending.id, partition, start, pending.end, deliveries, pending.decided)

    async def _gather(self, membership: Membership) -> None:
        """Pull records until the linger is over, or enough are held. What is left from before has waited already."""
        ends = time.monotonic() + (_LOOK_SECONDS if any(self._pulled.values()) else LINGER_SECONDS)
        held = sum(len(record.value or b"") for records in self._pulled.values() for record in records)
        while held < _PULLED_BYTES and (remaining := ends - time.monotonic()) > 0:
            found = await self._pull(membership, seconds=min(remaining, _POLL_SECONDS))
            for partition, records in found.items():
                await self._tell_of_a_gap(membership, partition, records[0].offset)
                self._pulled.setdefault(partition, deque()).extend(records)
                held += sum(len(record.value or b"") for record in records)
        self._behind.fetched(membership.consumer, self._stored)

    async def _tell_of_a_gap(self, membership: Membership, partition: TopicPartition, offset: int) -> None:
        """A hole is nothing (see _pass_holes), unless retention took what was in it while nobody stored."""
        pulled = self._pulled.get(partition)
        expected = pulled[-1].offset + 1 if pulled else self._stored[partition]
        if offset > expected:
            first = (await membership.consumer.beginning_offsets([partition]))[partition]
            if first > expected:
                tell_of_a_gap(partition, expected, offset)

    async def _pull(
        self, membership: Membership, *partitions: TopicPartition, seconds: float = _POLL_SECONDS
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Raises Lost."""
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        with contextlib.suppress(TimeoutError):  # while the group meets there is no end to a poll
            async with asyncio.timeout(seconds + 1):
                found = await membership.consumer.getmany(
                    *partitions, timeout_ms=int(seconds * 1000), max_records=_PULLED_RECORDS
                )
        self._check(membership)
        return found

    async def _batch(self, room: Room) -> Batch | None:
        """From the partition whose next record is the oldest."""
        waiting = [(records[0].timestamp, partition) for partition, records in self._pulled.items() if records]
        oldest_ms, partition = min(waiting, default=(None, None))
        self._oldest.is_of(oldest_ms)
        if partition is None:
            return None
        records = self._pulled[partition]
        start, taken, size, reports = records[0].offset, 0, 0, 0
        deliveries: list[Delivery] = []
        for record in records:
            try:
                found = await self._opener.opened(record)
            except OtherVersion:
                if taken:
                    break  # what came before it is stored first
                raise
            if taken and len(deliveries) + len(found) > BATCH_DELIVERIES:
                break
            taken += 1
            deliveries += found
            size += sum(len(delivery.body) for delivery in found)
            reports += sum(delivery.entries for delivery in found)
            if size >= room.bytes or reports >= room.reports:
                break
        end = records[taken - 1].offset + 1
        for _ in range(taken):
            records.popleft()
        return self._handed_out(uuid.uuid4().hex, partition, start, end, deliveries, None)

    def _handed_out(
        self, name: str, partition: TopicPartition, start: int, end: int,
        deliveries: list[Delivery], decided: bytes | None,
    ) -> Batch:  # fmt: skip
        self._range = _Range(partition, start, end, self._term)
        self._behind.read(end - start, deliveries)
        if deliveries:
            self._oldest.is_of(min(delivery.received_ms for delivery in deliveries))
        return Batch(name, deliveries, decided)

    async def intend(self, batch: Batch) -> None:
        its = self._held()
        await self._commit(its, its.start, intents.written(Intent(its.end, batch.id, batch.decided or b"")))
        if self._membership is not None:
            await self._behind.ask(self._membership.consumer, self._stored)

    async def commit(self, batch: Batch) -> None:  # noqa: ARG002  (the one that was handed out)
        its = self._held()
        await self._commit(its, its.end, "")
        self._stored[its.partition] = its.end
        self._range = None

    def _held(self) -> _Range:
        if self._range is None:
            raise Lost
        return self._range

    async def _commit(self, its: _Range, offset: int, metadata: str) -> None:
        """After some failures the membership itself may be beyond repair: a new one repeats what this one intended."""
        if self._membership is None:
            raise Lost
        try:
            await self._membership.commit(its.term, its.partition, offset, metadata)
            self._failures = 0
        except CannotReach:
            self._failures += 1
            if self._failures < _FAILURES:
                raise
            await self.close()
            raise Lost from None

    async def empty(self) -> bool:
        """Of the whole group, whoever reads the rest."""
        return await left(self._place) == 0

    async def close(self) -> None:
        membership, self._membership = self._membership, None
        self._term, self._range, self._failures = -1, None, 0
        if membership is not None:
            await membership.leave()
        await self._opener.close()
