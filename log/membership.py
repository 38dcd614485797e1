"""Being one of a consumer group: which partitions are ours, from where, and for how long that is certain."""

import asyncio
import logging
import time
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from log import intents
from log.intents import Intent
from log.kafka import CannotReach, connection, look_for_topic, stop, why
from log.places import KafkaPlace
from log.protocols import Lost
from schema import metrics

logger = logging.getLogger("sentinel.group")
SESSION_SECONDS = 10.0  # without a heartbeat the partitions go to others
_JOIN_SECONDS = 30.0  # for a frozen member to be given up first, and then some
_SILENT_SECONDS = 5.0  # without a coordinator; a change of it takes less
_COMMIT_SECONDS = 8.0  # to get an offset committed
_STANDINGS_SECONDS = 30.0  # to learn where the group stands
_METADATA_MS = 10_000  # until a topic that was made anew, or grew, is seen; aiokafka's own is five minutes
_PARTITION_BYTES = 512 * 1024  # fetched ahead


class Standing(NamedTuple):
    """Where the group stands in a partition; `intent`: what was under way there."""

    offset: int
    intent: Intent | None


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """`term` changes whenever the partitions may have: whatever was read in an earlier one is void."""

    def __init__(self, place: KafkaPlace, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.term = 0
        self._place = place
        self._committing = asyncio.Lock()
        self._silent_since: float | None = None

    @classmethod
    async def join(cls, place: KafkaPlace) -> "Membership":
        """Raises CannotReach, KafkaError, OSError, TimeoutError."""
        await look_for_topic(place)
        consumer = AIOKafkaConsumer(
            **connection(place),
            group_id=place.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Eager, as all that aiokafka has, but partitions stay where they are as far as they can.
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=int(SESSION_SECONDS * 1000),
            heartbeat_interval_ms=int(SESSION_SECONDS * 300),
            max_poll_interval_ms=2**31 - 1,  # while the store is away we read nothing, and stay
            max_partition_fetch_bytes=_PARTITION_BYTES,
            metadata_max_age_ms=_METADATA_MS,
        )
        joined = cls(place, consumer)
        consumer.subscribe([place.topic], listener=joined)
        try:
            async with asyncio.timeout(_JOIN_SECONDS):
                await consumer.start()
        except TimeoutError as error:
            await joined.leave()
            raise joined._nobody_coordinates() from error
        except BaseException:
            await joined.leave()
            raise
        return joined

    def listen(self) -> None:
        """Called again and again. Raises TimeoutError where no broker answers for the group: aiokafka would ask ten
        times a second for ever, and not say so.
        """
        now = time.monotonic()
        if self.consumer._coordinator.coordinator_id is not None:
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since > _SILENT_SECONDS:
            raise self._nobody_coordinates()

    def _nobody_coordinates(self) -> TimeoutError:
        return TimeoutError(
            f"no broker coordinates the group {self._place.group}, whose topic __consumer_offsets may want more copies "
            "than there are brokers"
        )

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002
        """Before the group meets again; not in the middle of a commit, which would be of a term that is over."""
        async with self._committing:
            self.term += 1

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self.term += 1
        metrics.PARTITIONS.set(len(assigned))

    async def standings(self) -> dict[TopicPartition, Standing]:
        """Of each partition that is ours; reading goes on from there. Raises KafkaError, TimeoutError, Lost."""
        term, consumer = self.term, self.consumer
        assigned = sorted(consumer.assignment())
        if not assigned:
            return {}
        async with asyncio.timeout(_STANDINGS_SECONDS):
            committed = await consumer._coordinator.fetch_committed_offsets(assigned)
            first, last = await consumer.beginning_offsets(assigned), await consumer.end_offsets(assigned)
        if self.term != term:
            raise Lost
        found = {}
        for partition in assigned:
            found[partition] = _standing(partition, committed.get(partition), first[partition], last[partition])
            consumer.seek(partition, found[partition].offset)
        return found

    async def commit(self, term: int, partition: TopicPartition, offset: int, metadata: str) -> None:
        """Raises Lost where the partition may be another's; CannotReach."""
        try:
            async with self._committing, asyncio.timeout(_COMMIT_SECONDS):
                if term != self.term:
                    raise Lost
                await self._commit({partition: OffsetAndMetadata(offset, metadata)})
        except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError) as error:
            self.term += 1
            raise Lost from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise CannotReach(await why(self._place, error)) from error

    async def _commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        """As a member or not at all. aiokafka's own `commit` goes on as a stranger when Kafka has told it a moment ago
        that it is no member any more; and a stranger's offsets are taken once the group is empty, however old they are.
        """
        coordinator = self.consumer._coordinator
        while True:
            await coordinator.ensure_coordinator_known()
            if coordinator.generation < 0:
                raise UnknownMemberIdError
            try:
                await coordinator._do_commit_offsets(None, offsets)
            except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError):
                raise
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def leave(self) -> None:
        metrics.PARTITIONS.set(0)
        await stop(self.consumer)


def tell_of_a_gap(partition: TopicPartition, wanted: int, found: int) -> None:
    logger.error(
        "the log does not hold what was to be read next: its retention was too short, or the topic was made anew",
        extra={"partition": partition.partition, "wanted": wanted, "found": found},
    )
    metrics.LOG_GAPS.inc()


def _standing(partition: TopicPartition, committed: OffsetAndMetadata | None, first: int, last: int) -> Standing:
    if committed is None:
        return Standing(first, None)
    if not first <= committed.offset <= last:
        tell_of_a_gap(partition, committed.offset, first)
    # What retention has left of a batch goes under the batch's id too: if it was applied, the rest of it was.
    offset = committed.offset if first <= committed.offset <= last else first
    found = intents.read(committed.metadata)
    under_way = found is not None and committed.offset <= offset < found.end <= last
    return Standing(offset, found if under_way else None)
