"""What keeps Kafka from being used is told in a sentence: which Kafka, and why."""

import asyncio
import contextlib
import dataclasses
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from log import kafka as log_kafka
from log.kafka import CannotReach, Cluster, NoTopic, look, look_for_topic, why
from log.places import KafkaPlace
from log.protocols import LogAway
from tests.support.kafka.listeners import MECHANISMS, PASSWORD, USER
from tests.support.topics import described, new_place


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return KafkaPlace(brokers=(kafka.bootstrap,), topic=f"topic-{uuid.uuid4().hex}")


def looked(place: KafkaPlace) -> Cluster:
    return asyncio.run(look(place))


def told(place: KafkaPlace) -> str:
    """The sentence a look ends with."""
    with pytest.raises(CannotReach) as raised:
        looked(place)
    sentence = str(raised.value)
    assert sentence.isprintable()
    assert len(sentence) < 500
    assert PASSWORD not in sentence
    return sentence


def test_a_look_finds_the_clusters_id_its_brokers_and_its_topics(kafka):
    place = new_place(kafka.bootstrap, 3)
    found = looked(place)
    assert found.id
    assert found.brokers == 1
    assert found.partitions[place.topic] == 3
    assert asyncio.run(look_for_topic(place)) == found


def test_a_missing_topic_is_told_with_what_makes_it(place):
    with pytest.raises(NoTopic) as raised:
        asyncio.run(look_for_topic(place))
    assert str(raised.value) == (
        f"Kafka at {place.brokers[0]} has no topic {place.topic}: `csp-sentinel init` creates it"
    )
    assert place.topic not in asyncio.run(described(place))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("tls", [False, True])
def test_the_right_user_gets_in(kafka, mechanism, tls):
    address = kafka.address("SASL_SSL" if tls else "SASL_PLAINTEXT")
    user = {"user": USER, "password": PASSWORD, "mechanism": mechanism}
    assert looked(KafkaPlace(brokers=(address,), tls=tls, ca=str(kafka.ca) if tls else "", **user)).id


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "nobody"}])
def test_a_wrong_password_or_user_is_told(kafka, mechanism, wrong):
    user = {"user": USER, "password": PASSWORD} | wrong
    address = kafka.address("SASL_PLAINTEXT")
    sentence = told(KafkaPlace(brokers=(address,), mechanism=mechanism, **user))
    assert sentence.startswith(f"Kafka at {address} refuses the user {user['user']} ({mechanism}): ")


def test_a_certificate_that_is_not_trusted_is_told(kafka):
    address = kafka.address("SSL")
    sentence = told(KafkaPlace(brokers=(address,), tls=True))
    assert sentence.startswith(f"Kafka at {address} and this program don't agree on TLS: ")
    assert "certificate verify failed" in sentence


def test_tls_to_a_port_that_speaks_plain_text_is_told(kafka):
    assert f"Kafka at {kafka.bootstrap} " in told(KafkaPlace(brokers=(kafka.bootstrap,), tls=True, ca=str(kafka.ca)))


@pytest.mark.parametrize("listener", ["SSL", "SASL_SSL"])
def test_plain_text_to_a_port_that_wants_tls_is_told(kafka, listener, monkeypatch):
    monkeypatch.setattr(log_kafka, "REQUEST_TIMEOUT_MS", 1000)
    address = kafka.address(listener)
    assert told(KafkaPlace(brokers=(address,))).startswith(f"Kafka at {address} can't be reached: ")


def test_nobodys_name_to_a_port_that_wants_a_user_is_told(kafka):
    address = kafka.address("SASL_PLAINTEXT")
    sentence = told(KafkaPlace(brokers=(address,)))
    assert sentence.startswith(f"Kafka at {address} can't be used: ")
    assert sentence.endswith("(does it want a user and a password?)")


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_a_ca_file_that_cant_be_used_is_told(kafka, tmp_path, content):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    place = KafkaPlace(brokers=(kafka.address("SSL"),), tls=True, ca=str(file))
    assert told(place).startswith(f"the CA file {file} can't be used: ")


@pytest.mark.parametrize("broker", ["127.0.0.1:1", "[::1]:1", "no-such-host.invalid:9092", "127.0.0.1:1,127.0.0.2:1"])
def test_nobody_there_is_told(broker):
    place = KafkaPlace(brokers=tuple(broker.split(",")))
    assert told(place).startswith(f"Kafka at {', '.join(place.brokers)} can't be reached: ")


@pytest.fixture(params=["silent", "closing", "chattering"])
def stranger(request) -> Iterator[str]:
    """Something else that listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        if request.param == "silent":
            yield address
            return
        ends = threading.Event()

        def answer() -> None:
            listener.settimeout(0.1)
            while not ends.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    with client:
                        if request.param == "chattering":
                            client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield address
        ends.set()
        thread.join()


def test_something_else_that_listens_there_is_given_up_in_time(stranger, monkeypatch):
    monkeypatch.setattr(log_kafka, "REQUEST_TIMEOUT_MS", 1000)
    began = time.monotonic()
    assert told(KafkaPlace(brokers=(stranger,))).startswith(f"Kafka at {stranger} can't be reached: ")
    assert time.monotonic() - began < 5


def test_of_several_brokers_one_that_answers_is_enough(kafka, place):
    assert looked(dataclasses.replace(place, brokers=("127.0.0.1:1", kafka.bootstrap))).id


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TopicAuthorizationFailedError(), "{kafka} doesn't let us use the topic {topic}"),
        (GroupAuthorizationFailedError(), "{kafka} doesn't let us use the group csp-sentinel"),
        (UnknownTopicOrPartitionError(), "{kafka} has no topic {topic}: `csp-sentinel init` creates it"),
        (
            MessageSizeTooLargeError(),
            "{kafka} refuses a record as too large: raise max.message.bytes of the topic, `csp-sentinel init` says to "
            "what",
        ),
        (NotEnoughReplicasError(), "{kafka} can't be used: [Error 19] NotEnoughReplicasError"),
        (
            KafkaConnectionError("broken"),
            "{kafka} can't be used: KafkaConnectionError: broken (does it want a user and a password?)",
        ),
        (TimeoutError(), "{kafka} can't be used: TimeoutError"),
    ],
)
def test_an_error_of_a_kafka_that_answers_is_told_as_what_it_is(place, error, sentence):
    found = asyncio.run(why(place, error))
    assert found == sentence.format(kafka=f"Kafka at {place.brokers[0]}", topic=place.topic)


def test_what_cant_be_reached_now_is_worth_another_try():
    assert issubclass(NoTopic, CannotReach)
    assert issubclass(CannotReach, LogAway)


def test_asking_leaves_nothing_open(kafka, place):
    """Warnings are errors here: an open socket would be one."""

    async def run() -> Any:
        for its in (place, dataclasses.replace(place, brokers=("127.0.0.1:1",))):
            with contextlib.suppress(CannotReach):
                await look_for_topic(its)
            await why(its, KafkaError())
        await asyncio.sleep(0)
        return asyncio.all_tasks()

    assert len(asyncio.run(run())) == 1


def test_a_ca_file_that_is_gone_by_then_is_what_is_told():
    """It is looked for again where a connection broke, and a rotation may have taken it away."""
    place = KafkaPlace(brokers=("127.0.0.1:1",), topic="reports", tls=True, ca="/nowhere/ca.pem")
    assert "the CA file /nowhere/ca.pem can't be used" in asyncio.run(why(place, KafkaConnectionError()))
