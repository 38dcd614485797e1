"""`init` and Kafka: the topics are created once, never altered, and what is not as it should be is said."""

import asyncio
import contextlib
import dataclasses
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from log import topic as log_topic
from log.kafka import CannotReach
from log.places import KafkaPlace
from log.topic import contradictions, create, largest_record_bytes
from schema.delivery import Delivery, Kind, encode
from schema.envelope import pack

BODY = 256 * 1024  # the default limit of a body


@pytest.fixture
def place(kafka) -> KafkaPlace:
    """A topic of its own, of which nothing is there yet; nothing of its shape was written in the URL."""
    topic = f"topic-{uuid.uuid4().hex}"
    return KafkaPlace(brokers=(kafka.bootstrap,), topic=topic, partitions=3, replication=1, min_isr=1)


def written(place: KafkaPlace, **values: int) -> KafkaPlace:
    """The same, as if these values stood in the URL."""
    given = frozenset(name.removesuffix("_ms") for name in values)
    return dataclasses.replace(place, **values, given=given)


def inspect(place: KafkaPlace) -> dict[str, dict[str, str]]:
    """The settings of each of the two topics that is there, with its shape."""

    async def run() -> dict[str, dict[str, str]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(place.brokers))
        await admin.start()
        try:
            topics = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
            names = [name for name in (place.topic, place.dead_topic) if name in topics]
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            answers = await admin.describe_configs(resources) if names else []
        finally:
            await admin.close()
        return {
            name: {
                "partitions": str(len(topics[name])),
                "replication": str(len(topics[name][0]["replicas"])),
                **{entry[0]: entry[1] for entry in entries},
            }
            for answer in answers
            for _, _, _, name, entries in answer.resources
        }

    return asyncio.run(run())


def make(place: KafkaPlace, name: str, settings: dict[str, str] | None = None, partitions: int = 3) -> None:
    """As somebody else might have, with Kafka's own defaults."""

    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(place.brokers))
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
            while name not in await admin.list_topics():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        finally:
            await admin.close()

    asyncio.run(run())


def created(place: KafkaPlace, max_body_bytes: int = BODY) -> list[str]:
    return asyncio.run(create(place, max_body_bytes))


def said(place: KafkaPlace, max_body_bytes: int = BODY) -> list[str]:
    return asyncio.run(contradictions(place, max_body_bytes))


def test_the_topic_is_created_with_the_shape_that_the_settings_give(place: KafkaPlace):
    place = written(place, partitions=5, retention_ms=3_600_000)
    assert created(place) == [place.topic, place.dead_topic]
    topic = inspect(place)[place.topic]
    assert topic["partitions"] == "5"
    assert topic["replication"] == "1"
    assert topic["min.insync.replicas"] == "1"
    assert topic["retention.ms"] == "3600000"
    assert topic["cleanup.policy"] == "delete"
    assert topic["unclean.leader.election.enable"] == "false"


def test_dead_letters_get_one_partition_and_stay_for_a_week(place: KafkaPlace):
    created(place)
    dead = inspect(place)[place.dead_topic]
    assert dead["partitions"] == "1"
    assert dead["retention.ms"] == str(7 * 24 * 3_600_000)
    assert dead["min.insync.replicas"] == "1"


def test_what_was_created_contradicts_nothing(place: KafkaPlace):
    place = written(place, partitions=5, replication=1, min_isr=1, retention_ms=3_600_000)
    created(place)
    assert said(place) == []


def test_to_repeat_it_changes_nothing(place: KafkaPlace):
    created(place)
    before = inspect(place)
    assert created(written(place, partitions=9, retention_ms=60_000), 10 * BODY) == []
    assert inspect(place) == before


def test_of_two_at_once_each_topic_is_created_by_one(place: KafkaPlace):
    async def both() -> tuple[list[str], list[str]]:
        return await asyncio.gather(create(place, BODY), create(place, BODY))

    first, second = asyncio.run(both())
    assert sorted(first + second) == [place.topic, place.dead_topic]


def test_only_what_is_missing_is_created(place: KafkaPlace):
    make(place, place.topic, partitions=7)
    assert created(place) == [place.dead_topic]
    assert inspect(place)[place.topic]["partitions"] == "7"


def test_a_topic_that_contradicts_the_url_is_reported_and_left_alone(place: KafkaPlace):
    make(place, place.topic, {"retention.ms": "60000", "min.insync.replicas": "1"})
    make(place, place.dead_topic, {"max.message.bytes": "2000000"})
    before = inspect(place)
    found = said(written(place, partitions=48, replication=3, min_isr=2, retention_ms=86_400_000))
    assert found == [
        f"the topic {place.topic} has 3 partitions, and SENTINEL_LOG wants 48 partitions",
        f"the topic {place.topic} has replication 1, and SENTINEL_LOG wants replication 3",
        f"the topic {place.topic} has min.insync.replicas=1, and SENTINEL_LOG wants min.insync.replicas=2",
        f"the topic {place.topic} has retention.ms=60000, and SENTINEL_LOG wants retention.ms=86400000",
        f"the topic {place.dead_topic} has replication 1, and SENTINEL_LOG wants replication 3",
        f"the topic {place.dead_topic} has min.insync.replicas=1, and SENTINEL_LOG wants min.insync.replicas=2",
    ]
    assert inspect(place) == before


def test_a_shape_that_nobody_wrote_contradicts_nothing(place: KafkaPlace):
    make(place, place.topic, {"retention.ms": "60000"}, partitions=1)
    assert said(dataclasses.replace(place, partitions=48, replication=3, min_isr=2)) == []


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("cleanup.policy", "compact", "cleanup.policy=compact, and only delete keeps every record"),
        ("cleanup.policy", "compact,delete", "cleanup.policy=compact,delete, and only delete"),
        ("unclean.leader.election.enable", "true", "unclean.leader.election.enable=true, with which acknowledged"),
        ("max.message.bytes", "1000000", "max.message.bytes=1000000, and a record can have 1048576 bytes"),
        ("min.insync.replicas", "2", "min.insync.replicas=2 and replication 1: it can't be written to"),
    ],
)
def test_a_topic_that_would_lose_or_refuse_records_is_reported_whatever_the_url_says(place, name, value, why):
    make(place, place.topic, {name: value})
    [sentence] = said(place)
    assert sentence.startswith(f"the topic {place.topic} has {why}")


def test_a_topic_whose_records_are_too_small_for_the_largest_body_is_reported(place: KafkaPlace):
    make(place, place.topic)
    assert said(place) == []
    assert said(place, 1024 * 1024) == [
        f"the topic {place.topic} has max.message.bytes=1048588, and a record can have 1114112 bytes"
    ]


def test_a_dead_letter_topic_that_is_too_small_for_what_the_topic_takes_is_reported(place: KafkaPlace):
    make(place, place.topic, {"max.message.bytes": "5000000"})
    make(place, place.dead_topic)
    assert said(place) == [
        f"the topic {place.dead_topic} has max.message.bytes=1048588, and a record can have 5065536 bytes"
    ]


def test_what_isnt_there_contradicts_nothing(place: KafkaPlace):
    assert said(place) == []


def test_too_few_brokers_are_told_with_what_would_fit(place: KafkaPlace):
    with pytest.raises(CannotReach) as told:
        created(dataclasses.replace(place, replication=3, min_isr=2))
    assert str(told.value) == (
        f"replication=3 needs 3 brokers, and Kafka at {place.brokers[0]} has 1: "
        "say replication=1&min_isr=1 in SENTINEL_LOG"
    )
    assert inspect(place) == {}


def test_what_kafka_refuses_is_told_in_its_words(place: KafkaPlace):
    with pytest.raises(CannotReach, match=rf"did not create the topic {place.topic}: .*partitions"):
        created(dataclasses.replace(place, partitions=-5))


def test_a_kafka_that_is_away_is_told():
    place = KafkaPlace(brokers=("127.0.0.1:1",))
    for ask in (created, said):
        with pytest.raises(CannotReach, match=r"Kafka at 127\.0\.0\.1:1 can't be reached"):
            ask(place)


@pytest.mark.parametrize("body", [BODY, 1024 * 1024, 3 * 1024 * 1024])
def test_the_largest_envelope_fits_when_it_cant_be_compressed_and_so_does_its_dead_letter(place, body: int):
    created(place, body)
    delivery = Delivery(1, "default", Kind.REPORTS, 1, b"a" * 2048, os.urandom(body))
    record = pack("0123456789abcdef-18446744073709551615", "collector", 1, [encode(delivery)])
    assert len(record) > body
    headers = [("address", os.urandom(300)), ("reason", os.urandom(4000))]

    async def run() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=list(place.brokers), max_request_size=2 * largest_record_bytes(body)
        ) as producer:
            await producer.send_and_wait(place.topic, record)
            await producer.send_and_wait(
                place.dead_topic, os.urandom(largest_record_bytes(body) - 100), headers=headers
            )

    asyncio.run(run())


def test_a_kafka_whose_brokers_are_still_starting_is_told(monkeypatch):
    """As a broker that thaws answers for a moment: no broker is known to it, not even itself."""

    async def nobody(*_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"brokers": [], "controller_id": -1, "cluster_id": "c"}, {}

    @contextlib.asynccontextmanager
    async def admin(_: KafkaPlace) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(log_topic, "described", nobody)
    monkeypatch.setattr(log_topic, "admin", admin)
    with pytest.raises(CannotReach, match="has no controller yet"):
        asyncio.run(create(KafkaPlace(brokers=("127.0.0.1:1",)), 1000))
