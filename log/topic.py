"""The topic and its dead-letter topic: `init` creates what is missing, and says what is not as it should be."""

import asyncio
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidReplicationFactorError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from log.admin import admin
from log.kafka import CannotReach, described
from log.places import KafkaPlace

DEAD_RETENTION_MS = 7 * 24 * 3_600_000  # somebody has to look at them
_KNOWN_LOOKS = 100
_LEAST_BYTES = 1024 * 1024
_ROOM_BYTES = 64 * 1024  # an envelope's own fields; a dead record's headers
_UNLIKE_KAFKAS = {
    "cleanup.policy": "delete",
    # A broker that missed acknowledged records must not become leader.
    "unclean.leader.election.enable": "false",
    # Envelopes are compressed already.
    "compression.type": "producer",
    # Retention counts by this time: a collector whose clock is wrong must not have its envelopes refused or deleted.
    "message.timestamp.type": "LogAppendTime",
}
_PARTITIONS, _RETENTION, _MIN_ISR = "partitions", "retention.ms", "min.insync.replicas"
_POLICY, _UNCLEAN, _MOST_BYTES = "cleanup.policy", "unclean.leader.election.enable", "max.message.bytes"


@dataclass(frozen=True)
class _Topic:
    """As it is, or should be."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]  # Kafka's names

    @property
    def most_bytes(self) -> int:
        return int(self.settings[_MOST_BYTES])


def largest_record_bytes(max_body_bytes: int) -> int:
    """The largest envelope: a full one, or one report with the largest body, which zstd may not make smaller."""
    return max(_LEAST_BYTES, max_body_bytes + _ROOM_BYTES)


async def create(place: KafkaPlace, max_body_bytes: int) -> list[str]:
    """Creates what is missing, and returns its names; never alters a topic. Raises CannotReach."""
    async with admin(place) as client:
        found = await _look(client, place)
        missing = [topic for topic in _wanted(place, max_body_bytes, found) if topic.name not in found]
        if not missing:
            return []
        answer = await client.create_topics(
            [
                NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.settings)
                for topic in missing
            ]
        )
        created = []
        for name, code, *text in answer.topic_errors:
            if code == NoError.errno:
                created.append(name)
            elif code != TopicAlreadyExistsError.errno:  # by another init, just now
                raise CannotReach(await _refused(client, place, name, code, *text))
        await _wait_until_known(client, place)
        return created


async def contradictions(place: KafkaPlace, max_body_bytes: int) -> list[str]:
    """A sentence for each thing that is not as SENTINEL_LOG says, or not as it must be. Raises CannotReach."""
    async with admin(place) as client:
        found = await _look(client, place)
    sentences = []
    for wanted in _wanted(place, max_body_bytes, found):
        # What SENTINEL_LOG says of partitions and retention is not about dead letters.
        given = place.given if wanted.name == place.topic else place.given & {"replication", "min_isr"}
        if topic := found.get(wanted.name):
            sentences += [f"the topic {topic.name} has {what}" for what in _differs(topic, wanted, given)]
    return sentences


def _wanted(place: KafkaPlace, max_body_bytes: int, found: dict[str, _Topic]) -> list[_Topic]:
    settings = {
        **_UNLIKE_KAFKAS,
        _RETENTION: str(place.retention_ms),
        _MIN_ISR: str(place.min_isr),
        _MOST_BYTES: str(largest_record_bytes(max_body_bytes)),
    }
    topic = _Topic(place.topic, place.partitions, place.replication, settings)
    # Whatever the topic takes, also from others, may turn out to be dead.
    most_bytes = max(topic.most_bytes, found.get(place.topic, topic).most_bytes) + _ROOM_BYTES
    dead = {**settings, _RETENTION: str(DEAD_RETENTION_MS), _MOST_BYTES: str(most_bytes)}
    return [topic, _Topic(place.dead_topic, 1, place.replication, dead)]


async def _wait_until_known(client: AIOKafkaAdminClient, place: KafkaPlace) -> None:
    """Kafka answers when its controller has made a topic; the brokers hear of it a moment later."""
    for _ in range(_KNOWN_LOOKS):
        if len(await _look(client, place)) == 2:
            return
        await asyncio.sleep(0.05)


async def _look(client: AIOKafkaAdminClient, place: KafkaPlace) -> dict[str, _Topic]:
    """Of the two topics those that are there."""
    cluster, topics = await described(client, place.topic, place.dead_topic)
    if cluster["controller_id"] not in {broker["node_id"] for broker in cluster["brokers"]}:
        # While brokers are thawing or starting; aiokafka 0.14 would look at a controller that it has not.
        raise CannotReach(f"{place.name} has no controller yet: its brokers are starting, or don't reach each other")
    names = list(topics)
    if not names:
        return {}
    asked = dict.fromkeys([*_UNLIKE_KAFKAS, _RETENTION, _MIN_ISR, _MOST_BYTES])
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name, asked) for name in names])
    found = {}
    for code, _, _, name, settings in (resource for answer in answers for resource in answer.resources):
        if code == TopicAuthorizationFailedError.errno:
            raise CannotReach(f"{place.name} doesn't let {place.user or 'us'} see the settings of the topic {name}")
        if code == NoError.errno:  # or made or deleted just now
            replication = min(len(partition["replicas"]) for partition in topics[name]["partitions"])
            found[name] = _Topic(
                name, len(topics[name]["partitions"]), replication, {entry[0]: entry[1] for entry in settings}
            )
    return found


def _differs(topic: _Topic, wanted: _Topic, given: AbstractSet[str]) -> Iterator[str]:
    """Ends of sentences. `given`: what of the topic's shape SENTINEL_LOG says."""
    its, should = _shape(topic), _shape(wanted)
    for name in its:
        if name in given and its[name] != should[name]:
            yield f"{its[name]}, and SENTINEL_LOG wants {should[name]}"
    if (policy := topic.settings[_POLICY]) != wanted.settings[_POLICY]:
        yield f"{_POLICY}={policy}, and only delete keeps every record until its time is over"
    if topic.settings[_UNCLEAN] != wanted.settings[_UNCLEAN]:
        yield f"{_UNCLEAN}={topic.settings[_UNCLEAN]}, with which acknowledged records can be lost"
    if topic.most_bytes < wanted.most_bytes:
        yield f"{_MOST_BYTES}={topic.most_bytes}, and a record can have {wanted.most_bytes} bytes"
    if int(topic.settings[_MIN_ISR]) > topic.replication:
        yield f"{_MIN_ISR}={topic.settings[_MIN_ISR]} and replication {topic.replication}: it can't be written to"


def _shape(topic: _Topic) -> dict[str, str]:
    """By the names in SENTINEL_LOG."""
    return {
        "partitions": f"{topic.partitions} partitions",
        "replication": f"replication {topic.replication}",
        "min_isr": f"{_MIN_ISR}={topic.settings[_MIN_ISR]}",
        "retention": f"{_RETENTION}={topic.settings[_RETENTION]}",
    }


async def _refused(client: AIOKafkaAdminClient, place: KafkaPlace, name: str, code: int, why: str | None = None) -> str:
    if code in (TopicAuthorizationFailedError.errno, ClusterAuthorizationFailedError.errno):
        return f"{place.name} doesn't let {place.user or 'us'} create the topic {name}"
    brokers = len((await client.describe_cluster())["brokers"])
    if code == InvalidReplicationFactorError.errno and brokers < place.replication:
        fits = f"replication={brokers}&min_isr={min(place.min_isr, brokers)}"
        return (
            f"replication={place.replication} needs {place.replication} brokers, and {place.name} has {brokers}: "
            f"say {fits} in SENTINEL_LOG"
        )
    return f"{place.name} did not create the topic {name}: {why or for_code(code).description}"
