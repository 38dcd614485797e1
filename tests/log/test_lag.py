"""How far a group is behind is told by Kafka itself, and asking changes nothing there."""

import asyncio
import contextlib
import dataclasses
import math
import time
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from log import lag
from log.kafka import CannotReach, NoTopic
from log.lag import KafkaLag, left
from log.places import KafkaPlace
from tests.support.figures import figure
from tests.support.kafka.cluster import Cluster

AGO = 1000  # seconds; far more than a test takes


@pytest.fixture
def place(kafka) -> KafkaPlace:
    """A topic of three partitions, whose records keep the time they are given, and a group that committed nothing."""
    name = uuid.uuid4().hex
    place = KafkaPlace(brokers=(kafka.bootstrap,), topic=f"topic-{name}", group=f"group-{name}")

    async def make(admin: AIOKafkaAdminClient) -> None:
        topic = NewTopic(place.topic, 3, 1, topic_configs={"message.timestamp.type": "CreateTime"})
        await admin.create_topics([topic])
        while place.topic not in await admin.list_topics():  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.02)

    asyncio.run(ask(place, make))
    return place


async def ask(place: KafkaPlace, question: Any) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(place.brokers))
    await admin.start()
    try:
        return await question(admin)
    finally:
        await admin.close()


async def send(place: KafkaPlace, partition: int, *ages: float, size: int = 100) -> None:
    """A record for each age in seconds."""
    now = time.time()
    async with AIOKafkaProducer(bootstrap_servers=list(place.brokers)) as producer:
        for age in ages:
            made = int((now - age) * 1000)
            await producer.send_and_wait(place.topic, b"x" * size, partition=partition, timestamp_ms=made)


async def commit(place: KafkaPlace, offsets: dict[int, int]) -> None:
    """As a processor of the group that then leaves."""
    consumer = AIOKafkaConsumer(bootstrap_servers=list(place.brokers), group_id=place.group, enable_auto_commit=False)
    consumer.assign([TopicPartition(place.topic, partition) for partition in offsets])
    await consumer.start()
    try:
        await consumer.commit({TopicPartition(place.topic, number): offset for number, offset in offsets.items()})
    finally:
        await consumer.stop()


def measured(place: KafkaPlace, *steps: Any) -> tuple[float, int]:
    async def run() -> tuple[float, int]:
        for step in steps:
            await step
        found = await KafkaLag(place).measure()
        assert await left(place) == found[1]
        return found

    return asyncio.run(run())


def about(seconds: float) -> Any:
    return pytest.approx(seconds, abs=60)


def test_an_empty_topic_has_no_lag(place: KafkaPlace):
    assert measured(place) == (0.0, 0)


def test_a_group_that_committed_nothing_has_everything_before_it(place: KafkaPlace):
    seconds, envelopes = measured(place, send(place, 0, 300, 200), send(place, 2, AGO, 100, 50))
    assert envelopes == 5
    assert seconds == about(AGO)


def test_a_group_that_committed_everything_has_no_lag(place: KafkaPlace):
    sent = [send(place, 0, AGO), send(place, 1, AGO, AGO)]
    assert measured(place, *sent, commit(place, {0: 1, 1: 2, 2: 0})) == (0.0, 0)


def test_what_is_committed_no_longer_counts_though_it_is_the_oldest(place: KafkaPlace):
    sent = [send(place, 0, 3 * AGO, 200), send(place, 1, 2 * AGO, AGO, 100), send(place, 2, 3 * AGO)]
    seconds, envelopes = measured(place, *sent, commit(place, {0: 1, 1: 1, 2: 1}))
    assert envelopes == 3
    assert seconds == about(AGO)


def test_what_kafka_deleted_before_it_was_read_no_longer_counts(place: KafkaPlace):
    first = TopicPartition(place.topic, 0)
    delete = ask(place, lambda admin: admin.delete_records({first: RecordsToDelete(2)}))
    sent = send(place, 0, 3 * AGO, 2 * AGO, AGO)
    seconds, envelopes = measured(place, sent, commit(place, {0: 1}), delete)
    assert envelopes == 1
    assert seconds == about(AGO)


def test_an_offset_that_isnt_in_the_topic_counts_from_the_start(place: KafkaPlace):
    """It is another topic of the same name: the processors read it from its start."""
    seconds, envelopes = measured(place, send(place, 0, AGO, 10), commit(place, {0: 500}))
    assert envelopes == 2
    assert seconds == about(AGO)


def test_the_oldest_is_found_among_partitions_full_of_large_records(place: KafkaPlace):
    sent = [send(place, 0, 300, 200, size=900_000), send(place, 1, AGO, 100, size=900_000), send(place, 2, 10)]
    seconds, envelopes = measured(place, *sent)
    assert envelopes == 5
    assert seconds == about(AGO)


def test_a_clock_that_is_ahead_makes_no_lag_below_zero(place: KafkaPlace):
    assert measured(place, send(place, 0, -AGO)) == (0.0, 1)


def test_to_ask_changes_nothing_about_the_group(place: KafkaPlace):
    async def run() -> None:
        await send(place, 0, 10)
        await KafkaLag(place).measure()
        assert place.group not in {name for name, _ in await ask(place, lambda admin: admin.list_consumer_groups())}
        await commit(place, {0: 1})
        before = await ask(place, lambda admin: admin.list_consumer_group_offsets(place.group))
        await KafkaLag(place).measure()
        assert await ask(place, lambda admin: admin.list_consumer_group_offsets(place.group)) == before

    asyncio.run(run())


def test_without_the_topic_it_says_so(place: KafkaPlace):
    elsewhere = dataclasses.replace(place, topic="nowhere")
    for question in (KafkaLag(elsewhere).measure, lambda: left(elsewhere)):
        with pytest.raises(NoTopic, match="has no topic nowhere"):
            asyncio.run(question())


def test_without_kafka_it_says_so():
    away = KafkaPlace(brokers=("127.0.0.1:1",))
    with pytest.raises(CannotReach, match=r"127\.0\.0\.1:1 can't be reached"):
        asyncio.run(left(away))


def test_to_ask_makes_no_topic_where_kafka_would_make_one(kafka, tmp_path):
    with Cluster(tmp_path, settings={"auto.create.topics.enable": "true"}) as cluster:
        place = KafkaPlace(brokers=(cluster.bootstrap,), topic="nowhere")

        async def run() -> list[str]:
            with contextlib.suppress(NoTopic):
                await KafkaLag(place).measure()
            return await ask(place, lambda admin: admin.list_topics())

        assert "nowhere" not in asyncio.run(run())


def watched(place: KafkaPlace, found: KafkaLag, until: Any) -> None:
    async def run() -> None:
        watching = asyncio.create_task(found.watch())
        async with asyncio.timeout(20):
            while not until():  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.02)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    asyncio.run(run())


def test_watching_keeps_what_was_found_last_until_it_is_old(place: KafkaPlace, monkeypatch):
    asyncio.run(send(place, 0, AGO))
    watching = KafkaLag(place)
    assert watching.seconds() is None
    watched(place, watching, lambda: watching.seconds() is not None)
    assert watching.seconds() == about(AGO)
    assert figure("sentinel_lag_seconds") == about(AGO)
    monkeypatch.setattr(lag, "OLD_SECONDS", 0)
    assert watching.seconds() is None


def test_watching_a_kafka_that_is_away_tells_so_once_and_goes_on(monkeypatch, caplog):
    tried: list[float] = []
    monkeypatch.setattr(lag, "EVERY_SECONDS", 0.01)
    away = KafkaLag(KafkaPlace(brokers=("127.0.0.1:1",)))
    ask_kafka = away.measure

    def measure() -> Any:
        tried.append(time.monotonic())
        return ask_kafka()

    monkeypatch.setattr(away, "measure", measure)
    watched(KafkaPlace(brokers=()), away, lambda: len(tried) >= 5)
    assert away.seconds() is None
    assert math.isnan(figure("sentinel_lag_seconds"))
    told = [record.message for record in caplog.records if record.name == "sentinel.lag"]
    assert len(told) == 1
    assert "127.0.0.1:1 can't be reached" in told[0]
    assert tried[4] - tried[3] > 0.01 * 2**4 * 0.75  # each pause is longer than the one before
