"""What all that talks to Kafka shares: how to connect, what there is, and why it doesn't work."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NoError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from log.places import KafkaPlace
from log.protocols import LogAway

# A frozen broker is given up after this; then its partitions have other leaders.
REQUEST_TIMEOUT_MS = 10_000
_STOP_SECONDS = 5.0
BIGGEST_RECORD_BYTES = 80 * 1024 * 1024


class CannotReach(LogAway):
    """One sentence: which Kafka, and why it can't be used. What is tried again may work later."""


class NoTopic(CannotReach):
    """The topic is not there. Nothing of ours but `init` makes one."""


@dataclass(frozen=True)
class Cluster:
    """What a look at Kafka found."""

    id: str
    brokers: int
    partitions: dict[str, int]  # by topic


def connection(place: KafkaPlace) -> dict[str, Any]:
    """The arguments that every aiokafka client takes. Raises CannotReach where the CA file can't be read."""
    given: dict[str, Any] = {
        "bootstrap_servers": list(place.brokers),
        "client_id": "csp-sentinel",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "security_protocol": ("SASL_" if place.user else "") + ("SSL" if place.tls else "PLAINTEXT"),
    }
    if place.user:
        given |= {
            "sasl_mechanism": place.mechanism,
            "sasl_plain_username": place.user,
            "sasl_plain_password": place.password,
        }
    if place.tls:
        try:
            given["ssl_context"] = ssl.create_default_context(cafile=place.ca or None)
        except OSError as error:  # ssl.SSLError is one
            raise CannotReach(f"the CA file {place.ca} can't be used: {error}") from error
    return given


async def stop(client: Any) -> None:
    """A producer or consumer. It is not waited long for Kafka's answers, and no connection or task stays behind."""
    inner = getattr(client, "client", None) or client._client
    # A task of its own: while Kafka is away, aiokafka's `stop` passes on the CancelledError of a fetch that it cancels
    # itself (Fetcher.close, 0.14), and that is not ours.
    stopping = asyncio.create_task(client.stop())
    await asyncio.wait([stopping], timeout=_STOP_SECONDS)
    if stopping.cancel():  # not done
        await asyncio.wait([stopping], timeout=1)
    if stopping.done() and not stopping.cancelled():
        failure = stopping.exception()
        if failure is not None and not isinstance(failure, KafkaError):
            raise failure
    left = _tasks(client, inner)
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=1)
    cut_off(inner)
    await inner.close()


def cut_off(inner: Any) -> None:
    """The connections of an AIOKafkaClient."""
    for connection in list(inner._conns.values()):
        if connection._writer is not None:
            connection._writer.transport.abort()  # closed, it would first get rid of what was not sent yet


def _tasks(*of: Any) -> list["asyncio.Task[Any]"]:
    """Those under way, of a client and its parts: what it does not end itself where it is cut short."""
    parts = [*of, *(getattr(its, name, None) for its in of for name in ("_coordinator", "_fetcher", "_sender"))]
    held = [value for part in parts if part is not None for value in vars(part).values()]
    found = [its for value in held for its in (value if isinstance(value, set) else [value])]
    return [task for task in found if isinstance(task, asyncio.Task) and not task.done()]


async def look(place: KafkaPlace) -> Cluster:
    """Without making a topic, which a client that names one may do. Raises CannotReach."""
    admin = AIOKafkaAdminClient(**connection(place))
    try:
        await admin.start()
        cluster, topics = await described(admin, place.topic, place.dead_topic)
    except (KafkaError, OSError, TimeoutError) as error:
        raise CannotReach(await why(place, error)) from error
    finally:
        await admin.close()
    partitions = {name: len(topic["partitions"]) for name, topic in topics.items()}
    return Cluster(cluster.get("cluster_id") or "", len(cluster["brokers"]), partitions)


async def described(admin: AIOKafkaAdminClient, *names: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Kafka's metadata, and those of `names` that are there. Raises KafkaError.

    Not by the client's own calls: they ask for every topic of the cluster, or make those that they name.
    """
    request = MetadataRequest(list(names), allow_auto_topic_creation=False)
    found = (await admin._send_request(request)).to_object()
    topics = {}
    for topic in found.pop("topics"):
        error = for_code(topic["error_code"])
        if error in (NoError, LeaderNotAvailableError):  # of one of its partitions, for now
            topics[topic["topic"]] = topic
        elif error is not UnknownTopicOrPartitionError:
            raise error
    return found, topics


async def look_for_topic(place: KafkaPlace) -> Cluster:
    """As `look`. Raises NoTopic too."""
    cluster = await look(place)
    if place.topic not in cluster.partitions:
        raise NoTopic(f"{place.name} has no topic {place.topic}: `csp-sentinel init` creates it")
    return cluster


async def why(place: KafkaPlace, error: BaseException) -> str:
    """A sentence. The client tells only that no broker was of use, so one is asked again."""
    if sentence := _known(place, error):
        return sentence
    first = error
    try:
        given = {name: value for name, value in connection(place).items() if name != "bootstrap_servers"}
    except CannotReach as its:
        return str(its)
    for broker in place.brokers:
        host, _, port = broker.rpartition(":")
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                found = await create_conn(host.strip("[]"), int(port), **given)
                await found.close()
            # A port that wants a user lets one connect and ask for its version, then closes.
            hint = " (does it want a user and a password?)" if isinstance(first, KafkaConnectionError) else ""
            return f"{place.name} can't be used: {_text(first)}{'' if place.user else hint}"
        except (KafkaError, OSError, TimeoutError) as its:
            error = its
            if sentence := _known(place, its):
                return sentence
    # What a port does that speaks TLS where we don't, or the other way round.
    cut = isinstance(error, ConnectionResetError | KafkaConnectionError)
    hint = f" (is it {'plain: kafka://' if place.tls else 'TLS: kafkas://'}?)" if cut else ""
    return f"{place.name} can't be reached: {_text(error)}{hint}"


# Kinds of errors, and what each means.
_KNOWN: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError),
        "{kafka} refuses the user {user} ({mechanism}): {text}",
    ),
    (
        (IllegalSaslStateError,),
        "{kafka} asks for no user on that port: take user and password out of SENTINEL_LOG, or name the port that does",
    ),
    ((ssl.SSLError,), "{kafka} and this program don't agree on TLS: {text}"),
    ((TopicAuthorizationFailedError,), "{kafka} doesn't let {user} use the topic {topic}"),
    ((GroupAuthorizationFailedError,), "{kafka} doesn't let {user} use the group {group}"),
    ((UnknownTopicOrPartitionError,), "{kafka} has no topic {topic}: `csp-sentinel init` creates it"),
    (
        (MessageSizeTooLargeError,),
        "{kafka} refuses a record as too large: raise max.message.bytes of the topic, `csp-sentinel init` says to what",
    ),
)


def _known(place: KafkaPlace, error: BaseException) -> str:
    """Empty where it is none of these."""
    for kinds, sentence in _KNOWN:
        if isinstance(error, kinds):
            return sentence.format(
                kafka=place.name, user=place.user or "us", mechanism=place.mechanism, topic=place.topic,
                group=place.group, text=_text(error),
            )  # fmt: skip
    return ""


def _text(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")[:300]
