"""A record that is no envelope goes aside with its address, is counted, and the rest goes on; a newer one stops all."""

import asyncio
import json

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from log import group, intents
from log.group import GroupConsumer
from log.kafka import CannotReach, NoTopic
from log.places import KafkaPlace
from log.protocols import Batch
from log.reading import OtherVersion
from schema import metrics
from schema.delivery import KEPT_BYTES, Kind
from schema.envelope import VERSION, zstd
from schema.reasons import Reason
from tests.log.test_group import envelope, numbers, stored, taken, with_consumer
from tests.support.topics import commit, committed, make, new_place, records, send

NEWER = zstd.compress(msgspec.msgpack.encode((VERSION + 1, "what", {"ever": "comes"})))
POISON = {
    "garbage": b"\xff\x00garbage",
    "nothing": b"",
    "no value": None,
    "cut short": envelope(1)[:-3],
    "a bomb": zstd.compress(bytes(2**28)),
    "json": json.dumps({"csp-report": {}}).encode(),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.1)


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap)


def dead(place: KafkaPlace) -> list[tuple[str, bytes, dict[str, str]]]:
    """Key, value and headers of what was set aside."""
    return [
        (found.key.decode(), found.value, {name: value.decode() for name, value in found.headers})
        for found in asyncio.run(records(place, place.dead_topic))
    ]


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_poison_is_set_aside_with_its_address_and_the_rest_goes_on(place, poison, caplog):
    before = metrics.DEAD._value.get()
    asyncio.run(send(place, envelope(1), poison, envelope(2)))
    [batch] = with_consumer(place, stored)
    first, refusal, last = batch.deliveries
    assert (first.received_ms, last.received_ms) == (1, 2)
    assert (refusal.kind, refusal.count, refusal.detail) == (Kind.REFUSAL, 1, Reason.NO_ENVELOPE)
    assert refusal.body == ((poison or b"")[:KEPT_BYTES] or b"(empty)")
    assert asyncio.run(committed(place)) == [(3, "")]
    [(key, value, headers)] = dead(place)
    assert key == headers["address"] == f"{place.topic}/0/1"
    assert value == (poison or b"")
    assert headers["reason"]
    assert metrics.DEAD._value.get() == before + 1
    assert "was set aside" in caplog.text


def test_a_topic_full_of_poison_is_read_to_its_end(place):
    asyncio.run(send(place, *(b"%d" % number for number in range(50))))
    [batch] = with_consumer(place, stored)
    assert [delivery.body for delivery in batch.deliveries] == [b"%d" % number for number in range(50)]
    assert [key for key, _, _ in dead(place)] == [f"{place.topic}/0/{number}" for number in range(50)]


def test_headers_that_a_record_had_go_with_it(place):
    asyncio.run(send(place, b"poison", headers=[("whose", b"somebody's")]))
    with_consumer(place, stored)
    [(_, _, headers)] = dead(place)
    assert headers["whose"] == "somebody's"


def test_a_repeat_decides_the_same_about_poison_and_its_address_tells_that_it_is_the_same(place):
    asyncio.run(send(place, b"poison", envelope(1)))

    async def intend(consumer: GroupConsumer) -> Batch:
        batch = await taken(consumer)
        batch.decided = b""
        await consumer.intend(batch)
        return batch

    [first] = with_consumer(place, intend)
    [repeat] = with_consumer(place, stored)
    assert first == repeat
    assert {key for key, _, _ in dead(place)} == {f"{place.topic}/0/0"}


def test_without_the_dead_letter_topic_it_is_told_and_nothing_is_skipped(kafka):
    place = new_place(kafka.bootstrap, dead=False)
    asyncio.run(send(place, envelope(1), b"poison", envelope(2)))

    async def refuse(consumer: GroupConsumer) -> None:
        with pytest.raises(NoTopic, match=rf"{place.dead_topic}.*not there: `csp-sentinel init` creates it"):
            await taken(consumer)

    async def create(_: GroupConsumer) -> None:
        await make(place, place.dead_topic)

    *_, batch = with_consumer(place, refuse, refuse, create, stored)
    assert [delivery.kind for delivery in batch.deliveries] == [Kind.REPORTS, Kind.REFUSAL, Kind.REPORTS]
    assert len(dead(place)) == 1


def test_of_a_record_too_large_for_the_dead_letter_topic_the_beginning_is_kept(kafka):
    """Kafka counts a record as its producer compressed it: unpacked it may be a thousand times as large."""
    place = new_place(kafka.bootstrap, dead=False)
    asyncio.run(make(place, place.dead_topic, **{"max.message.bytes": "100000"}))
    asyncio.run(send(place, envelope(1)))
    asyncio.run(send_gzipped(place, b"p" * 1_000_000))
    asyncio.run(send(place, envelope(2)))
    [batch] = with_consumer(place, stored)
    assert [delivery.kind for delivery in batch.deliveries] == [Kind.REPORTS, Kind.REFUSAL, Kind.REPORTS]
    [record] = asyncio.run(records(place, place.dead_topic))
    assert record.value == b"p" * KEPT_BYTES
    assert dict(record.headers)["address"] == f"{place.topic}/0/1".encode()
    assert dict(record.headers)["bytes"] == b"1000000"


async def send_gzipped(place: KafkaPlace, value: bytes) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=list(place.brokers), compression_type="gzip", max_request_size=1 << 27
    ) as producer:
        await producer.send_and_wait(place.topic, value, partition=0)


def test_what_the_dead_letter_topic_does_not_take_is_told_and_nothing_is_skipped(kafka):
    place = new_place(kafka.bootstrap, dead=False)
    asyncio.run(make(place, place.dead_topic, **{"max.message.bytes": "1000"}))
    asyncio.run(send(place, b"p" * 5000))

    async def refuse(consumer: GroupConsumer) -> None:
        with pytest.raises(CannotReach, match=rf"{place.topic}/0/0 can't be set aside: .* too large"):
            await taken(consumer)

    with_consumer(place, refuse, refuse)
    assert asyncio.run(committed(place))[0][0] <= 0


def test_a_newer_envelope_stops_after_what_came_before_it(place):
    asyncio.run(send(place, envelope(1), envelope(2), NEWER, envelope(3)))

    async def refuse(consumer: GroupConsumer) -> None:
        with pytest.raises(OtherVersion, match=rf"{place.topic}/0/2 was written by a newer csp-sentinel .*nothing is"):
            await taken(consumer)

    batch, *_ = with_consumer(place, stored, refuse, refuse)
    assert numbers(batch) == [1, 2]
    with_consumer(place, refuse)
    assert asyncio.run(committed(place)) == [(2, "")]
    assert dead(place) == []


def test_a_newer_envelope_within_a_batch_that_is_repeated_stops_too(place):
    """As when the newer version was tried, and taken back."""
    asyncio.run(send(place, envelope(1), NEWER))
    asyncio.run(commit(place, 0, intents.written(intents.Intent(2, "newer's", b""))))

    async def refuse(consumer: GroupConsumer) -> None:
        with pytest.raises(OtherVersion):
            await taken(consumer)

    with_consumer(place, refuse, refuse)
    assert intents.read(asyncio.run(committed(place))[0][1]).id == "newer's"
