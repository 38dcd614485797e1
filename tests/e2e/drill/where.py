"""For what is lost or doubled: where the log has it, and who answered it when."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from log.kafka import connection
from log.places import KafkaPlace
from schema.envelope import NotAnEnvelope, unpack
from schema.report import EntryKind, entries
from tests.e2e.drill.verdict import Verdict

MOST = 200  # marks told


def told(verdict: Verdict, place: KafkaPlace) -> list[str]:
    """A line a mark: how often it is stored, its request, and each of its places in the log."""
    found = asyncio.run(_places(place, set(verdict.wrong)))
    lines = []
    for mark, (request, times) in sorted(verdict.wrong.items(), key=lambda item: item[1][0].at)[:MOST]:
        where = "; ".join(found[mark]) or "not in the log"
        lines.append(
            f"{mark}: stored {times} times, answered {request.status} by {request.collector} at {request.at:.3f} "
            f"after {request.took:.3f} s; {where}"
        )
    return lines


async def _places(place: KafkaPlace, wanted: set[str]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    async for record in _records(place):
        try:
            envelope = unpack(record.value or b"")
        except NotAnEnvelope:
            continue
        for delivery in envelope.deliveries:
            for mark in wanted & _marks(delivery.body):
                found[mark].append(
                    f"{record.partition}/{record.offset} {envelope.id} of {envelope.collector}, packed at "
                    f"{envelope.created / 1000:.3f}, taken by Kafka at {record.timestamp / 1000:.3f}"
                )
    return found


def _marks(body: bytes) -> set[str]:
    try:
        found = entries(body)
    except ValueError:
        return set()
    reports = (entry.body for entry in found if entry.kind is EntryKind.VIOLATION)
    return {str(report.get("documentURL") or report.get("document-uri")) for report in reports}


async def _records(place: KafkaPlace) -> AsyncIterator[ConsumerRecord]:
    """All that the topic holds."""
    consumer = AIOKafkaConsumer(**connection(place), group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(place.topic, number) for number in range(place.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for records in (await consumer.getmany(timeout_ms=500, max_records=500)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()
