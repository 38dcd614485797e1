"""One collector worker: the only place that knows all the collector's parts."""

import asyncio
import contextlib
import dataclasses
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from ingest.collector import Collector
from ingest.descriptors import allow_connections
from ingest.memory import keep_freed_memory
from ingest.servers import FastServer, GranianServer, Server
from ingest.spool import LINGER_SECONDS, Spool
from log.leftovers import adopt, collector_name
from log.places import KafkaPlace
from log.protocols import LogFull
from log.segments import SegmentWriter
from log.shipper import Shipper
from schema import metrics
from schema.sites import BadSites, load_sites

logger = logging.getLogger("sentinel.ingest")
CONFIRMED_LINGER_SECONDS = 0.005


@dataclass(frozen=True)
class Options:
    """What a worker needs to know. Bytes where the name says so; `server` is fast or granian."""

    spool: Path
    spool_max_bytes: int
    durability: str  # memory, disk or log
    sites: Path | None
    max_body_bytes: int
    max_connections: int
    server: str
    workers: int = 1  # of this machine, which share the rate limits
    client_rate: int = 0  # requests a second from a client's network; 0: any
    kafka: KafkaPlace | None = None  # where the spool is shipped; None: the processor reads it
    left_behind: tuple[Path, ...] = ()  # spools of workers that are no more, to be shipped too
    stop_seconds: float = 3  # after GRACE_SECONDS, for what is left in the spool to reach Kafka


Problems = Callable[[], list[str]]


async def serve(
    options: Options, listener: socket.socket, ready: Callable[[Problems], None], orphaned: int | None
) -> None:
    """Run until SIGTERM, or until the file descriptor `orphaned` ends (the parent is gone).

    `ready` is called once reports are taken, with what tells at any time what is wrong, for any thread.
    """
    writer = SegmentWriter(options.spool, options.spool_max_bytes)
    shipper = _shipper(options)
    confirmer = shipper if options.durability == "log" else None
    spool = Spool(writer, hold=options.durability == "memory", confirmer=confirmer)
    collector = Collector(
        spool,
        load_sites(options.sites),
        options.max_body_bytes,
        workers=options.workers,
        client_rate=options.client_rate,
    )
    kind: Any = {"fast": FastServer, "granian": GranianServer}[options.server]
    server: Server = kind(collector, listener, options.max_connections)
    _listen_to_signals(server, collector, options.sites, orphaned)
    serving = asyncio.create_task(server.serve())
    tending = asyncio.create_task(_tend(server, collector, writer, shipper))
    flushing = asyncio.create_task(_flush(spool))
    tasks = [serving, tending, flushing]
    shipping = [] if shipper is None else [asyncio.create_task(shipper.run())]
    adopting = asyncio.create_task(adopt(options.left_behind, options.kafka))
    asyncio.get_running_loop().call_later(0.1, ready, collector.problems)
    try:
        # A task that dies must not leave a worker that takes reports without them.
        await asyncio.wait([*tasks, *shipping], return_when=asyncio.FIRST_COMPLETED)
        server.stop()
        await serving
        for task in [*tasks, *shipping]:
            if task.done():
                task.result()
    finally:
        await asyncio.sleep(0)  # what came in the last turn is taken
        for task in (serving, flushing, adopting):
            task.cancel()
        with contextlib.suppress(LogFull):
            spool.flush()
        collector.tend()
        if shipper is not None:
            await _ship_the_rest(shipper, options.stop_seconds, *shipping)
        tending.cancel()  # till now it told how full the spool is
        await asyncio.wait([*tasks, adopting])
        writer.close()


async def _ship_the_rest(shipper: Shipper, seconds: float, shipping: asyncio.Task[None]) -> None:
    if not await shipper.drained(seconds):
        logger.warning("stopped before the spool was shipped; the rest is shipped after the next start")
    shipping.cancel()
    await asyncio.wait([shipping])


def _shipper(options: Options) -> Shipper | None:
    if options.kafka is None:
        return None
    # Who waits for each acknowledgement waits for the linger too.
    linger = CONFIRMED_LINGER_SECONDS if options.durability == "log" else LINGER_SECONDS
    return Shipper(options.spool, options.kafka, collector_name(options.spool), linger)


def _listen_to_signals(server: Server, collector: Collector, sites: Path | None, orphaned: int | None) -> None:
    loop = asyncio.get_running_loop()

    def reload() -> None:
        try:
            collector.use(load_sites(sites))
        except BadSites as error:
            logger.error("the sites file was not reloaded: %s", error)

    def stop() -> None:
        server.stop()
        collector.spool.hurry()

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches everyone; the parent decides
    if orphaned is not None:

        def end() -> None:
            loop.remove_reader(orphaned)
            stop()

        loop.add_reader(orphaned, end)


async def _tend(server: Server, collector: Collector, writer: SegmentWriter, shipper: Shipper | None) -> None:
    while True:
        if shipper is not None:
            metrics.LOG_AWAY.set(bool(shipper.trouble))
        server.tick()
        collector.tend()
        metrics.SPOOL_BYTES.set(writer.tend())
        metrics.SPOOL_USED.set(writer.used)
        await asyncio.sleep(1)


async def _flush(spool: Spool) -> None:
    """Writes what `memory` durability holds back."""
    while True:
        await asyncio.sleep(LINGER_SECONDS)
        with contextlib.suppress(LogFull):
            spool.flush()


def run(options: Options, listener: socket.socket, ready: Callable[[Problems], None], orphaned: int | None) -> None:
    keep_freed_memory()
    options = dataclasses.replace(options, max_connections=allow_connections(options.max_connections))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options, listener, ready, orphaned))
