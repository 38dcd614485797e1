"""aiokafka's producer with a memory: it goes on under the producer id and sequence numbers of the one before it."""

import asyncio

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerClosed

from log.kafka import BIGGEST_RECORD_BYTES, Cluster, connection, cut_off, stop
from log.outbox import Outbox
from log.places import KafkaPlace
from log.remembered import NO_PRODUCER, Flight

_SENDING_SECONDS = 1.0  # for requests whose connections are cut off to end


class Producer:
    """A connection to Kafka. Each partition has one envelope under way, so that its number says which one that is."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._numbers = producer._txn_manager  # None where acks=1: then Kafka does not look for repeats
        self._topic = topic

    @classmethod
    async def open(cls, place: KafkaPlace, cluster: Cluster, outbox: Outbox) -> "Producer":
        """Raises KafkaError, OSError, CannotReach."""
        idempotent = place.acks == "all"
        made = AIOKafkaProducer(
            **connection(place),
            acks="all" if idempotent else 1,
            enable_idempotence=idempotent,
            max_request_size=BIGGEST_RECORD_BYTES,
        )
        producer = cls(made, place.topic)
        try:
            producer._go_on_as(outbox, cluster)
            await made.start()
            await made.partitions_for(place.topic)
        except BaseException:
            await producer.close()
            raise
        producer._remember(outbox, cluster)
        return producer

    def _go_on_as(self, outbox: Outbox, cluster: Cluster) -> None:
        """An id is worth something only in the cluster that gave it out: elsewhere it may be somebody else's."""
        state = outbox.state
        if self._numbers is None or state.producer == NO_PRODUCER or state.cluster != cluster.id or outbox.worn():
            return
        self._numbers.set_pid_and_epoch(state.producer, state.epoch)
        for partition, sequence in state.sequences.items():
            self._numbers._sequence_numbers[TopicPartition(self._topic, partition)] = sequence

    def _remember(self, outbox: Outbox, cluster: Cluster) -> None:
        numbers, state = self._numbers, outbox.state
        if numbers is None:
            return
        ours = cluster.id, numbers.producer_id, numbers.producer_epoch  # two clusters give out the same ids
        if ours != (state.cluster, state.producer, state.epoch):
            outbox.adopt(*ours)

    def partitions(self) -> set[int]:
        """Those with a leader."""
        return set(self._producer.client.cluster.available_partitions_for_topic(self._topic) or ())

    def has(self, partition: int) -> bool:
        """Whether the topic has it, with a leader or without."""
        return partition in (self._producer.client.cluster.partitions_for_topic(self._topic) or ())

    async def send(self, record: bytes, flight: Flight) -> None:
        """Returns when Kafka has it. Raises KafkaError."""
        if self._numbers is not None:
            self._numbers._sequence_numbers[TopicPartition(self._topic, flight.partition)] = flight.sequence
        answer = await self._producer.send(self._topic, record, partition=flight.partition, timestamp_ms=flight.created)
        await answer

    async def close(self) -> None:
        """Without waiting for what Kafka doesn't answer: that is remembered, and sent again."""
        await self._stop_sending()
        accumulator = self._producer._message_accumulator
        unsent = [batch for batches in accumulator._batches.values() for batch in batches]
        accumulator._pending_batches.update(unsent)  # where it looks for those that failed, also those to be sent again
        accumulator.fail_all(ProducerClosed())
        for batch in unsent:
            batch._drain_waiter.exception()  # asked for by nobody else, which asyncio would call an error
        await stop(self._producer)

    async def _stop_sending(self) -> None:
        """First: a batch that aiokafka (0.14) is about to send again and finds failed ends it with a KeyError."""
        sending = self._producer._sender.sender_task
        if sending is not None:
            sending.cancel()  # then it waits for the requests under way
            cut_off(self._producer.client)
            await asyncio.wait([sending], timeout=_SENDING_SECONDS)
