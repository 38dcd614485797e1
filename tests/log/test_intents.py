"""What stands beside the group's offset: the batch that is being inserted, and nothing that could be taken for one."""

import asyncio
import os

import pytest

from log import group, intents
from log.group import GroupConsumer
from log.intents import Intent
from log.places import KafkaPlace
from log.protocols import DECIDED_BYTES, Batch
from log.reading import OtherVersion
from tests.log.test_group import envelope, numbers, taken, with_consumer
from tests.support.topics import commit, committed, new_place, send


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(group, "LINGER_SECONDS", 0.1)


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap)


def test_what_is_intended_stands_beside_the_offset_until_it_is_committed(place):
    asyncio.run(send(place, envelope(1), envelope(2)))

    async def intend(consumer: GroupConsumer) -> Batch:
        batch = await taken(consumer)
        batch.decided = b"\0decided\xff"
        await consumer.intend(batch)
        return batch

    [batch] = with_consumer(place, intend)
    [(offset, metadata)] = asyncio.run(committed(place))
    assert offset == 0
    assert intents.read(metadata) == Intent(2, batch.id, b"\0decided\xff")


def test_metadata_of_the_largest_batch_fits_what_kafka_keeps(place):
    said = intents.written(Intent(2**63 - 1, "f" * 32, os.urandom(DECIDED_BYTES)))
    assert len(said) <= 4096
    asyncio.run(commit(place, 0, said))
    assert asyncio.run(committed(place)) == [(0, said)]


def test_what_is_beside_an_offset_and_not_ours_is_no_intent(place):
    asyncio.run(send(place, envelope(1), envelope(2)))
    for metadata in ("", "somebody's own words", "csp-sentinel-1 x y z", "csp-sentinel-1 2 id ???", "csp-sentinel-1 2"):
        asyncio.run(commit(place, 1, metadata))
        [batch] = with_consumer(place, taken)
        assert numbers(batch) == [2]


def test_a_batch_that_another_version_began_is_left_to_that_version(place):
    """To read it as another batch would count it twice."""
    asyncio.run(send(place, envelope(1)))
    asyncio.run(commit(place, 0, "csp-sentinel-2 whatever"))

    async def refuse(consumer: GroupConsumer) -> None:
        with pytest.raises(OtherVersion, match="begun by another version of csp-sentinel"):
            await taken(consumer)

    with_consumer(place, refuse, refuse)
    assert asyncio.run(committed(place)) == [(0, "csp-sentinel-2 whatever")]


def test_an_intent_that_lies_outside_the_partition_is_none(place):
    """As after the topic was made anew."""
    asyncio.run(send(place, envelope(1)))
    for end in (0, 2, 100):
        asyncio.run(commit(place, 0, intents.written(Intent(end, "other", b""))))
        [batch] = with_consumer(place, taken)
        assert batch.id != "other"
        assert numbers(batch) == [1]
