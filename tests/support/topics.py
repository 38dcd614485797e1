"""Topics of a test's own, written and read without the project's code."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError
from aiokafka.structs import ConsumerRecord

from log.places import KafkaPlace
from schema.delivery import Delivery
from schema.envelope import Envelope, unpack

_T = TypeVar("_T")
_FENCED_SECONDS = 60
_THERE = {NoError.errno, TopicAlreadyExistsError.errno}  # the second: made by a request that timed out


def new_place(bootstrap: str, partitions: int = 1, *, dead: bool = True, **settings: str) -> KafkaPlace:
    """A topic with these settings and, where wanted, its dead-letter topic; and a group nobody has joined."""
    name = uuid.uuid4().hex
    place = KafkaPlace(brokers=tuple(bootstrap.split(",")), topic=f"topic-{name}", group=f"group-{name}")
    asyncio.run(make(place, place.topic, partitions, **settings))
    if dead:
        asyncio.run(make(place, place.dead_topic))
    return place


async def make(place: KafkaPlace, topic: str, partitions: int = 1, **settings: str) -> None:
    wanted = NewTopic(topic, partitions, len(place.brokers), topic_configs=settings)

    async def create(admin: AIOKafkaAdminClient) -> bool | None:
        return (await admin.create_topics([wanted])).topic_errors[0][1] in _THERE or None

    await asked(place, create)


async def asked(place: KafkaPlace, ask: Callable[[AIOKafkaAdminClient], Awaitable[_T | None]]) -> _T:
    """The first answer there is. A broker that a test froze is fenced when it thaws: until its next heartbeat
    it knows no brokers, not even itself, and aiokafka 0.14 looks at a controller that it has not.
    """
    async with asyncio.timeout(_FENCED_SECONDS):
        while True:
            admin = AIOKafkaAdminClient(bootstrap_servers=list(place.brokers))
            try:
                await admin.start()
                if (answer := await ask(admin)) is not None:
                    return answer
            except (KafkaError, TimeoutError, AttributeError):
                pass
            finally:
                await admin.close()
            await asyncio.sleep(0.1)


async def send(place: KafkaPlace, *values: bytes | None, partition: int = 0, **more: Any) -> list[int]:
    """Their offsets."""
    async with AIOKafkaProducer(bootstrap_servers=list(place.brokers), max_request_size=1 << 27) as producer:
        sent = [await producer.send(place.topic, value, partition=partition, key=b"", **more) for value in values]
        return [(await one).offset for one in sent]


async def records(place: KafkaPlace, topic: str = "") -> list[ConsumerRecord]:
    """All there are now, partition by partition."""
    topic = topic or place.topic
    async with AIOKafkaConsumer(
        bootstrap_servers=list(place.brokers), auto_offset_reset="earliest", max_partition_fetch_bytes=1 << 27
    ) as reader:
        partitions = [TopicPartition(topic, number) for number in sorted(await partition_numbers(place, topic))]
        reader.assign(partitions)
        ends = await reader.end_offsets(partitions)
        found: dict[TopicPartition, list[ConsumerRecord]] = {partition: [] for partition in partitions}
        async with asyncio.timeout(30):
            while any([await reader.position(partition) < ends[partition] for partition in partitions]):
                for partition, more in (await reader.getmany(timeout_ms=200)).items():
                    found[partition] += more
    return [record for partition in partitions for record in found[partition]]


async def partition_numbers(place: KafkaPlace, topic: str) -> set[int]:
    return {partition["partition"] for partition in (await described(place))[topic]["partitions"]}


async def described(place: KafkaPlace) -> dict[str, Any]:
    """Every topic there is, by name; asking makes none."""
    found = await asked(place, AIOKafkaAdminClient.describe_topics)
    return {topic["topic"]: topic for topic in found}


def envelopes(place: KafkaPlace) -> list[Envelope]:
    return [unpack(record.value) for record in asyncio.run(records(place))]


def deliveries(place: KafkaPlace) -> list[Delivery]:
    return [delivery for envelope in envelopes(place) for delivery in envelope.deliveries]


async def committed(place: KafkaPlace, partitions: Sequence[int] = (0,)) -> list[tuple[int, str]]:
    """Offset and metadata of the group; -1 where there is none."""
    wanted = [TopicPartition(place.topic, number) for number in partitions]

    async def listed(admin: AIOKafkaAdminClient) -> dict[TopicPartition, OffsetAndMetadata] | None:
        found = await admin.list_consumer_group_offsets(place.group, partitions=wanted)
        return found if found.keys() >= set(wanted) else None  # aiokafka overlooks an error of the answer as a whole

    found = await asked(place, listed)
    return [(found[partition].offset, found[partition].metadata) for partition in wanted]


async def commit(place: KafkaPlace, offset: int, metadata: str = "", partition: int = 0) -> None:
    """As somebody does who is not a member; Kafka refuses it while there are members."""
    writer = AIOKafkaConsumer(bootstrap_servers=list(place.brokers), group_id=place.group, enable_auto_commit=False)
    at = TopicPartition(place.topic, partition)
    writer.assign([at])
    await writer.start()
    try:
        await writer.commit({at: OffsetAndMetadata(offset, metadata)})
    finally:
        await writer.stop()
