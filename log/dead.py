"""Opening the log's records: what is no envelope goes to a topic of its own, with its address; the rest goes on."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import ConsumerRecord

from log.kafka import BIGGEST_RECORD_BYTES, CannotReach, NoTopic, connection, look, stop, why
from log.places import KafkaPlace
from log.reading import OtherVersion
from schema import metrics
from schema.delivery import KEPT_BYTES, Delivery, Kind
from schema.envelope import NewerEnvelope, NotAnEnvelope, unpack
from schema.reasons import Reason

logger = logging.getLogger("sentinel.group")
_PATIENCE_SECONDS = 30.0


class Opener:
    """Connects to the dead-letter topic when it first has something to set aside."""

    def __init__(self, place: KafkaPlace) -> None:
        self._place = place
        self._producer: AIOKafkaProducer | None = None

    async def opened(self, record: ConsumerRecord) -> list[Delivery]:
        """For what is no envelope: one refusal, so that it shows among the rejects.

        Raises CannotReach where it can't be set aside, and OtherVersion for an envelope of a newer version.
        """
        try:
            return unpack(record.value or b"").deliveries
        except NewerEnvelope as error:
            raise OtherVersion(
                f"{_address(record)} was written by a newer csp-sentinel ({error}): run that version here too; nothing "
                "is skipped"
            ) from error
        except NotAnEnvelope as error:
            reason = str(error)
        await self._set_aside(record, reason)
        metrics.DEAD.inc()
        logger.error(
            "a record is no envelope and was set aside",
            extra={"address": _address(record), "topic": self._place.dead_topic, "why": reason},
        )
        kept = (record.value or b"")[:KEPT_BYTES] or b"(empty)"
        return [Delivery(max(0, record.timestamp), "", Kind.REFUSAL, 1, b"", kept, Reason.NO_ENVELOPE)]

    async def _set_aside(self, record: ConsumerRecord, reason: str) -> None:
        """Again after a crash: the address tells the two apart from two different records."""
        address = _address(record).encode()
        headers = [("address", address), ("reason", reason.encode())]
        value = record.value or b""
        cut = [*headers, ("bytes", str(len(value)).encode())]
        try:
            try:
                await self._send(value, address, [*headers, *record.headers])
            except MessageSizeTooLargeError:  # Kafka counts what is compressed, and its producer compressed it
                await self._send(value[:KEPT_BYTES], address, cut)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise CannotReach(f"{_address(record)} can't be set aside: {await why(self._place, error)}") from error

    async def _send(self, value: bytes, address: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        producer = self._producer or await self._open()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await producer.send_and_wait(self._place.dead_topic, value, key=address, headers=headers)

    async def _open(self) -> AIOKafkaProducer:
        if self._place.dead_topic not in (await look(self._place)).partitions:
            raise NoTopic(
                f"the topic {self._place.dead_topic}, for records that can't be read, is not there: "
                "`csp-sentinel init` creates it"
            )
        self._producer = AIOKafkaProducer(
            **connection(self._place), enable_idempotence=True, max_request_size=BIGGEST_RECORD_BYTES
        )
        await self._producer.start()
        return self._producer

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop(producer)


def _address(record: ConsumerRecord) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"
