"""The Kafka of the tests is a real one, which can be killed and frozen, and never outlives them."""

import asyncio
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError
from aiokafka.helpers import create_ssl_context

from tests.support.kafka.cluster import Cluster
from tests.support.kafka.listeners import MECHANISMS, PASSWORD, USER

ROOT = Path(__file__).parents[2]


async def make_topic(bootstrap, copies=1):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topic = f"topic-{uuid.uuid4().hex}"
        await admin.create_topics([NewTopic(topic, 2, copies)])
    finally:
        await admin.close()
    return topic


async def send(bootstrap, topic, value, **security):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", **security)
    try:
        await producer.start()
        await asyncio.wait_for(producer.send_and_wait(topic, value), 30)
    finally:
        await producer.stop()


async def read(bootstrap, topic):
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=uuid.uuid4().hex, auto_offset_reset="earliest"
    ) as consumer:
        return (await asyncio.wait_for(consumer.getone(), 30)).value


async def in_sync(bootstrap, topic):
    """How few brokers a partition of the topic has that are in step."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return min(len(partition["isr"]) for partition in found["partitions"])


def sasl(mechanism, password=PASSWORD):
    return {"sasl_mechanism": mechanism, "sasl_plain_username": USER, "sasl_plain_password": password}


def send_one(cluster, listener, **security):
    async def run():
        topic = await make_topic(cluster.bootstrap)
        await send(cluster.address(listener), topic, b"sent", security_protocol=listener, **security)
        return await read(cluster.bootstrap, topic)

    return asyncio.run(run())


def test_what_is_sent_is_read_by_a_group(kafka):
    assert send_one(kafka, "PLAINTEXT") == b"sent"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_user_gets_in_by_password(kafka, mechanism):
    assert send_one(kafka, "SASL_PLAINTEXT", **sasl(mechanism)) == b"sent"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_does_not_get_in(kafka, mechanism):
    with pytest.raises(KafkaConnectionError):
        send_one(kafka, "SASL_PLAINTEXT", **sasl(mechanism, "wrong"))


def test_tls_is_spoken_to_those_who_trust_the_brokers_certificate(kafka):
    trusts = create_ssl_context(cafile=str(kafka.ca))
    assert send_one(kafka, "SSL", ssl_context=trusts) == b"sent"
    assert send_one(kafka, "SASL_SSL", ssl_context=trusts, **sasl("SCRAM-SHA-512")) == b"sent"
    with pytest.raises(KafkaConnectionError):
        send_one(kafka, "SSL", ssl_context=create_ssl_context())


def test_a_frozen_broker_answers_nobody_until_it_is_thawed(kafka):
    async def run():
        topic = await make_topic(kafka.bootstrap)
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            await producer.send_and_wait(topic, b"sent")
            kafka.freeze(1)
            try:
                sending = await producer.send(topic, b"sent")
                assert not (await asyncio.wait([sending], timeout=0.5))[0]
            finally:
                kafka.thaw(1)
            await asyncio.wait_for(sending, 30)

    asyncio.run(run())


def test_two_of_three_brokers_go_on_and_the_third_catches_up(kafka_three):
    async def run():
        topic = await make_topic(kafka_three.bootstrap, copies=3)
        kafka_three.kill(1)
        await send(kafka_three.bootstrap, topic, b"to two")
        await asyncio.to_thread(kafka_three.start, 1)
        async with asyncio.timeout(30):
            while await in_sync(kafka_three.bootstrap, topic) < 3:  # noqa: ASYNC110 - it is elsewhere
                await asyncio.sleep(0.1)
        return await read(kafka_three.bootstrap, topic)

    assert asyncio.run(run()) == b"to two"


def test_no_broker_outlives_a_killed_test_run(tmp_path):
    code = """if True:
        import sys, time
        from pathlib import Path
        from tests.support.kafka.cluster import Cluster
        with Cluster(Path(sys.argv[1])) as cluster:
            print(cluster.pid(1), flush=True)
            time.sleep(60)
    """
    tests = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with tests:
        broker = int(tests.stdout.readline())
        tests.send_signal(signal.SIGKILL)
    ends = time.monotonic() + 10
    while is_running(broker):
        assert time.monotonic() < ends
        time.sleep(0.05)


def is_running(pid):
    """A zombie, whose parent hasn't asked for it yet, is not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_broker_that_does_not_come_up_says_why(tmp_path):
    with pytest.raises(AssertionError, match=r"broker 1 did not come up(.|\n)*num.partitions"):
        Cluster(tmp_path, settings={"num.partitions": "none"}).__enter__()
