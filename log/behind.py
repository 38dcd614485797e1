"""How much of the log waits for a processor: envelopes by the partitions' ends, reports by what those held lately."""

import asyncio
import contextlib
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schema import metrics
from schema.delivery import Delivery

_OLD_SECONDS = 5.0  # then the ends are asked for
_ASK_SECONDS = 2.0


class Behind:
    """Of one membership. What was fetched tells the partitions' ends; while a store that is away keeps a processor from
    fetching, they are asked for, or a backlog would be as small as when it began.
    """

    def __init__(self) -> None:
        self._envelopes = 0
        self._reports_each = 1.0
        self._measured_at = 0.0

    def read(self, envelopes: int, deliveries: list[Delivery]) -> None:
        """A batch of so many envelopes: those that wait are taken to hold as much."""
        self._reports_each = sum(delivery.count for delivery in deliveries) / envelopes

    def fetched(self, consumer: AIOKafkaConsumer, stored: Mapping[TopicPartition, int]) -> None:
        """`stored`: the offset behind what is stored, by partition."""
        self._measure({partition: consumer.highwater(partition) or 0 for partition in stored}, stored)

    async def ask(self, consumer: AIOKafkaConsumer, stored: Mapping[TopicPartition, int]) -> None:
        """Where nothing has been fetched for a while."""
        if time.monotonic() - self._measured_at < _OLD_SECONDS:
            return
        with contextlib.suppress(KafkaError, OSError, TimeoutError):  # next time
            async with asyncio.timeout(_ASK_SECONDS):
                self._measure(await consumer.end_offsets(list(stored)), stored)

    def reports(self) -> float:
        return self._envelopes * self._reports_each

    def _measure(self, ends: Mapping[TopicPartition, int], stored: Mapping[TopicPartition, int]) -> None:
        self._envelopes = sum(max(0, ends[partition] - offset) for partition, offset in stored.items())
        self._measured_at = time.monotonic()
        metrics.LOG_BEHIND.set(self._envelopes)
