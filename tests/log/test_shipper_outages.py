"""While Kafka is away, wrong or forgetful, reports wait in the spool; then all of it goes out, once."""

import asyncio
import contextlib
import dataclasses
import errno
import itertools
import time
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from log.places import KafkaPlace
from log.protocols import LogFull
from log.segments import SegmentWriter
from log.shipper import Shipper
from schema import metrics
from tests.support.kafka.cluster import Cluster
from tests.support.kafka.listeners import USER
from tests.support.ports import free_ports
from tests.support.shipping import SECONDS, numbers, record, ship, shipping, until
from tests.support.topics import described, make, new_place

SETTINGS = {"auto.create.topics.enable": "true", "producer.id.expiration.check.interval.ms": "200"}


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory) -> Iterator[Cluster]:
    """One that may be stopped; it makes any topic that is asked for by name."""
    with Cluster(tmp_path_factory.mktemp("own-kafka"), settings=SETTINGS) as cluster:
        yield cluster


@pytest.fixture
def place(own_kafka) -> KafkaPlace:
    return new_place(own_kafka.bootstrap, 4)


@pytest.fixture
def writer(tmp_path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path / "spool", 1 << 30)
    yield made
    made.close()


@pytest.fixture
def forgetful(own_kafka) -> Iterator[None]:
    """Producers are forgotten after half a second."""
    for seconds in (0.5, 86_400):
        asyncio.run(forget_producers_after(own_kafka, seconds))
        if seconds == 0.5:
            yield


async def forget_producers_after(cluster: Cluster, seconds: float) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        settings = {"producer.id.expiration.ms": str(int(seconds * 1000))}
        answers = await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", settings)])
        assert [resource[0] for answer in answers for resource in answer.resources] == [0]
    finally:
        await admin.close()


def test_a_producer_that_kafka_has_forgotten_is_taken_all_the_same(place, forgetful, writer, tmp_path):
    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            for number in range(2):
                writer.append([record(number)])
                assert await shipper.drained(SECONDS)
                await asyncio.sleep(1.2 * (1 - number))

    asyncio.run(run())
    assert numbers(place) == [0, 1]


def test_what_landed_is_not_sent_again_when_kafka_has_forgotten_the_producer(place, forgetful, writer, tmp_path):
    writer.append([record(0)])
    ship(tmp_path / "spool", place)
    time.sleep(1.2)
    ship(tmp_path / "spool", place)
    assert numbers(place) == [0]


def test_a_kafka_that_is_killed_and_started_again_gets_everything_once(own_kafka, place, writer, tmp_path):
    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            writer.append([record(0)])
            assert await shipper.drained(SECONDS)
            writer.append([record(1, 200_000)])
            own_kafka.kill(1)
            for number in range(2, 8):
                writer.append([record(number, 200_000)])
                await asyncio.sleep(0.05)
            await asyncio.to_thread(own_kafka.start, 1)
            assert await shipper.drained(SECONDS), shipper.trouble
            await until(lambda: not shipper.trouble)

    asyncio.run(run())
    assert numbers(place) == list(range(8))


def test_a_kafka_that_freezes_is_said_to_be_late_and_gets_everything_once_when_it_thaws(
    own_kafka, place, writer, tmp_path, monkeypatch
):
    monkeypatch.setattr("log.shipper._LATE_SECONDS", 0.5)

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            writer.append([record(0)])
            assert await shipper.drained(SECONDS)
            own_kafka.freeze(1)
            try:
                for number in range(1, 20):
                    writer.append([record(number, 50_000)])
                    await asyncio.sleep(0.05)
                await until(lambda: "has not acknowledged" in shipper.trouble)
            finally:
                own_kafka.thaw(1)
            assert await shipper.drained(SECONDS), shipper.trouble
            await until(lambda: not shipper.trouble)

    asyncio.run(run())
    assert numbers(place) == list(range(20))


def test_a_shipper_that_is_stopped_while_kafka_is_frozen_ends_soon_and_leaves_nothing_open(
    own_kafka, place, writer, tmp_path, monkeypatch
):
    monkeypatch.setattr("log.kafka._STOP_SECONDS", 1)

    async def run() -> float:
        async with shipping(tmp_path / "spool", place) as shipper:
            writer.append([record(0)])
            assert await shipper.drained(SECONDS)
            own_kafka.freeze(1)
            for number in range(1, 5):
                writer.append([record(number, 300_000)])
                await asyncio.sleep(0.1)
            stopped = time.monotonic()
        assert len(asyncio.all_tasks()) == 1
        return time.monotonic() - stopped

    try:
        assert asyncio.run(run()) < 3
    finally:
        own_kafka.thaw(1)
    ship(tmp_path / "spool", place)
    assert numbers(place) == list(range(5))


def test_a_kafka_that_is_away_is_tried_with_growing_pauses_and_gets_everything_when_it_comes(tmp_path, writer, caplog):
    """Connections are counted by one who closes each at once."""
    connected: list[float] = []

    async def close(_: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        connected.append(time.monotonic())
        answer.close()

    async def run() -> str:
        server = await asyncio.start_server(close, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, shipping(tmp_path / "spool", KafkaPlace(brokers=(f"127.0.0.1:{port}",))) as shipper:
            assert shipper.trouble.endswith("has not answered yet")
            await asyncio.sleep(3)
            return shipper.trouble

    trouble = asyncio.run(run())
    assert trouble.startswith("Kafka at 127.0.0.1:")
    assert "can't be reached" in trouble
    assert 3 <= len(connected) <= 12
    assert max(later - earlier for earlier, later in itertools.pairwise(connected)) > 0.4
    assert len([its for its in caplog.records if its.name == "sentinel.ship" and its.levelname == "ERROR"]) == 1


def test_nobody_listening_is_told_and_what_waited_is_shipped_when_somebody_does(tmp_path, writer, own_kafka, place):
    [port] = free_ports(1)
    for number in range(50):
        writer.append([record(number, 10_000)])

    async def run() -> None:
        away = dataclasses.replace(place, brokers=(f"127.0.0.1:{port}",))
        async with shipping(tmp_path / "spool", away) as shipper:
            await until(lambda: "can't be reached" in shipper.trouble)
            assert f"Kafka at 127.0.0.1:{port}" in shipper.trouble

    asyncio.run(run())
    ship(tmp_path / "spool", place)
    assert numbers(place) == list(range(50))


def test_a_topic_that_is_missing_is_told_and_not_made_though_kafka_would(own_kafka, writer, tmp_path):
    place = KafkaPlace(brokers=(own_kafka.bootstrap,), topic=f"topic-{time.time_ns()}")
    writer.append([record(0)])

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            await until(lambda: "`csp-sentinel init` creates it" in shipper.trouble)
            assert f"has no topic {place.topic}" in shipper.trouble
            assert place.topic not in await described(place)
            await make(place, place.topic)
            assert await shipper.drained(SECONDS)

    asyncio.run(run())
    assert numbers(place) == [0]


def test_a_wrong_password_is_told(kafka, writer, tmp_path):
    place = KafkaPlace(
        brokers=(kafka.address("SASL_PLAINTEXT"),), topic="any", user=USER, password="wrong", mechanism="SCRAM-SHA-256"
    )

    before = metrics.SHIP_FAILURES._value.get()

    async def run() -> None:
        async with shipping(tmp_path / "spool", place) as shipper:
            await until(lambda: f"refuses the user {USER} (SCRAM-SHA-256)" in shipper.trouble)
            await until(lambda: metrics.SHIP_FAILURES._value.get() > before)
            assert "wrong" not in shipper.trouble

    asyncio.run(run())


def test_a_spool_that_filled_up_while_kafka_was_away_is_emptied_and_takes_more(place, tmp_path):
    writer = SegmentWriter(tmp_path / "spool", 1 << 20)
    count = 0
    with contextlib.suppress(LogFull):
        while True:
            writer.append([record(count, 10_000)])
            count += 1
    assert count > 90
    ship(tmp_path / "spool", place)
    time.sleep(0.2)  # the writer does not look at every refusal
    writer.append([record(count, 10_000)])
    ship(tmp_path / "spool", place)
    writer.close()
    assert numbers(place) == list(range(count + 1))


def test_a_full_disk_is_not_told_as_kafkas_trouble(tmp_path, monkeypatch):
    """The broker is not even asked: it would say that all is well, or be blamed for being away."""

    async def out_of_room(_: Shipper) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Shipper, "_ship_while_connected", out_of_room)

    async def run() -> None:
        async with shipping(tmp_path, KafkaPlace(brokers=("127.0.0.1:1",), topic="reports")) as shipper:
            await until(lambda: "No space left on device" in shipper.trouble)
            assert "127.0.0.1" not in shipper.trouble

    asyncio.run(run())
