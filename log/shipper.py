"""Ships a collector's spool to Kafka: envelope after envelope, a bounded number at a time, each counted once.

Kafka drops what a producer repeats under the same producer id and sequence number. aiokafka forgets both when its
process ends; we remember them in the spool's folder and hand them to the next one, so that this holds through a kill.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import random
import time
from collections import deque
from pathlib import Path

from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    UnknownProducerId,
)

from log.kafka import CannotReach, look_for_topic, why
from log.outbox import Outbox, SpoolOffset
from log.packing import Packer
from log.places import KafkaPlace
from log.producer import Producer
from log.remembered import NO_PRODUCER, Flight
from schema import metrics

logger = logging.getLogger("sentinel.ship")
LINGER_SECONDS = 0.05
IN_FLIGHT = 8  # envelopes, each to another partition: a partition takes them one by one to keep its order
_STICK_SECONDS = 1.0  # on one partition while it keeps up, so that a quiet topic's reports come in few batches
_SHARE = 3  # a backlog takes a quarter of the time: the rest is the live traffic's
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
_LATE_SECONDS = 5.0  # without an acknowledgement, Kafka is away
_OF_A_DISK = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # no network says these
_STRANGERS = (OutOfOrderSequenceNumber, UnknownProducerId, InvalidProducerEpoch, ProducerFenced)


class Shipper:
    """One for a spool folder, by the holder of its lock."""

    def __init__(self, folder: Path, place: KafkaPlace, collector: str, linger: float = LINGER_SECONDS) -> None:
        """`collector` names the packer in its envelopes. Raises OSError."""
        self._outbox = Outbox(folder)
        self._place = place
        self._packer = Packer(self._outbox, collector)
        self._linger = linger
        self._producer: Producer | None = None
        self._failure: BaseException | None = None  # of an envelope, by this producer
        self._stranded: list[Flight] = []  # their partitions are gone: the topic was made anew, with fewer
        self._landed = asyncio.Event()
        self._waiting: deque[tuple[SpoolOffset, asyncio.Future[None]]] = deque()
        self._partition, self._stick_until = -1, 0.0
        self._sent_at = time.monotonic()
        self.trouble = f"{place.name} has not answered yet"  # empty when there is none

    async def run(self) -> None:
        """Until cancelled. What goes wrong is logged, and tried again with growing pauses."""
        pause = _FIRST_PAUSE
        try:
            while True:
                started = time.monotonic()
                try:
                    await self._ship_while_connected()
                except CannotReach as error:
                    metrics.SHIP_FAILURES.inc()
                    self._tell(str(error))
                except (KafkaError, OSError, TimeoutError) as error:
                    metrics.SHIP_FAILURES.inc()
                    self._tell(await self._why(error))
                pause = _FIRST_PAUSE if time.monotonic() - started > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (no secret)
        finally:
            self._outbox.close()

    async def _why(self, error: BaseException) -> str:
        if isinstance(error, OSError) and error.errno in _OF_A_DISK:
            return f"its disk says: {error}"
        return await why(self._place, error)

    def _tell(self, trouble: str) -> None:
        if self.trouble != trouble:
            logger.error("reports wait in the spool: %s", trouble)
        self.trouble = trouble

    async def _ship_while_connected(self) -> None:
        """Raises what ends the connection."""
        cluster = await look_for_topic(self._place)
        producer = await Producer.open(self._place, cluster, self._outbox)
        self._producer, self._failure = producer, None
        try:
            await self._resend(producer)
            while not self._outbox.worn():
                await self._step(producer)
        finally:
            self._producer = None
            await producer.close()

    async def _resend(self, producer: Producer) -> None:
        """What an earlier connection, or an earlier process, sent and heard no more of."""
        self._outbox.save()  # before anything goes out it is written down, also where that failed before
        self._stranded = []
        for flight in list(self._outbox.state.flights):
            deliveries = self._outbox.deliveries(flight)
            if not deliveries:
                self._outbox.land(flight)
            elif producer.has(flight.partition):
                await self._again(producer, flight, deliveries)
            else:
                self._stranded.append(flight)

    async def _step(self, producer: Producer) -> None:
        """Send one envelope, or wait for there to be one, or for room."""
        if self._failure is not None:
            raise self._failure
        self._look_after()
        partition = self._free_partition(producer)
        if partition is None:
            await self._wait(1.0)
            return
        if self._stranded:
            flight = self._stranded.pop(0)
            if deliveries := self._outbox.deliveries(flight):
                self._outbox.move(flight, partition)
                await self._again(producer, flight, deliveries)
            else:
                self._outbox.land(flight)
            return
        started = time.perf_counter()
        its = await self._packer.next()
        if its is None:
            self._outbox.note()
            await asyncio.sleep(self._linger)
            return
        flight = self._outbox.take_off(its.cut, partition, its.created)
        self._dispatch(producer, flight, its.record, len(its.cut.deliveries))
        # To the loop's other work, in proportion to what this took: a full spool must not slow down what comes in. All
        # being cut, and nobody waiting for it, more is gathered: of 2,600 deliveries a second a report took 43 bytes in
        # Kafka instead of 105, and a request a third less CPU.
        pause = (time.perf_counter() - started) * _SHARE
        gathers = its.cut.last and not self._waiting
        await asyncio.sleep(max(pause, self._linger) if gathers else pause)

    async def _wait(self, seconds: float) -> None:
        self._landed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._landed.wait()

    def _free_partition(self, producer: Producer) -> int | None:
        flying = {its.partition for its in self._outbox.state.flights if its not in self._stranded}
        if len(flying) >= IN_FLIGHT:
            return None
        free = producer.partitions() - flying
        now = time.monotonic()
        if self._partition not in free or now > self._stick_until:
            if not free:
                return None
            self._partition, self._stick_until = random.choice(sorted(free)), now + _STICK_SECONDS  # noqa: S311  (no secret)
        return self._partition

    async def _again(self, producer: Producer, flight: Flight, deliveries: list[bytes]) -> None:
        self._dispatch(producer, flight, await self._packer.again(flight, deliveries), len(deliveries))

    def _dispatch(self, producer: Producer, flight: Flight, record: bytes, deliveries: int) -> None:
        metrics.SHIPPED_BYTES.inc(len(record))
        task = asyncio.create_task(producer.send(record, flight))
        task.add_done_callback(functools.partial(self._on_answer, producer, flight, deliveries, time.monotonic()))

    def _on_answer(
        self, producer: Producer, flight: Flight, deliveries: int, since: float, answer: "asyncio.Task[None]"
    ) -> None:
        if answer.cancelled() or producer is not self._producer:
            if not answer.cancelled():
                answer.exception()  # known already
            return
        failure = answer.exception()
        if failure is not None:
            self._failure = self._failure or failure
            if isinstance(failure, _STRANGERS):
                self._forget_producer(failure)
        else:
            self._outbox.land(flight)
            metrics.SHIPPED.inc(deliveries)
            metrics.SHIP_SECONDS.observe(time.monotonic() - since)
            self._sent_at = time.monotonic()
            self._confirm()
        self._landed.set()

    def _forget_producer(self, failure: BaseException) -> None:
        """Kafka has lost track of this producer, as after an unclean leader election."""
        logger.warning(
            "Kafka does not know this producer's numbers any more; envelopes under way may count twice",
            extra={"envelopes": len(self._outbox.state.flights), "error": type(failure).__name__},
        )
        self._outbox.state.producer = NO_PRODUCER

    def _look_after(self) -> None:
        """Whether Kafka answers: an envelope is long under way, or none is."""
        flights = self._outbox.state.flights
        if not flights:
            self._sent_at = time.monotonic()
        if time.monotonic() - self._sent_at > _LATE_SECONDS:
            self._tell(f"{self._place.name} has not acknowledged for {_LATE_SECONDS:.0f} seconds")
        elif self.trouble:
            logger.info("Kafka takes what is shipped")
            self.trouble = ""

    async def confirmed(self, position: SpoolOffset, seconds: float) -> bool:
        """Whether everything up to `position` is in the log, within `seconds`."""
        if position <= self._outbox.settled():
            return True
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()  # given up
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, answer))
        try:
            async with asyncio.timeout(seconds):
                await answer
        except TimeoutError:
            return False
        return True

    def _confirm(self) -> None:
        settled = self._outbox.settled()
        while self._waiting and self._waiting[0][0] <= settled:
            answer = self._waiting.popleft()[1]
            if not answer.done():
                answer.set_result(None)

    async def drained(self, seconds: float) -> bool:
        """Whether everything in the spool is shipped, within `seconds`; who asks appends no more."""
        ends = time.monotonic() + seconds
        while not self._outbox.empty():
            if time.monotonic() > ends:
                return False
            await asyncio.sleep(self._linger)
        self._outbox.note()
        return True
