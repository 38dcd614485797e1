"""The Kafka that the tests run against does what a real one does."""

import asyncio
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def make_topic(bootstrap: str, copies: int = 1) -> str:
    topic = f"topic-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 2, copies)])
    finally:
        await admin.close()
    return topic


async def send_and_read(bootstrap: str, topic: str, value: bytes) -> bytes:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        return (await asyncio.wait_for(consumer.getone(), 20)).value


def test_what_is_sent_is_read(kafka):
    async def run():
        topic = await make_topic(kafka.bootstrap)
        return await send_and_read(kafka.bootstrap, topic, b"sent")

    assert asyncio.run(run()) == b"sent"
