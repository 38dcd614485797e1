"""One collector worker: the only place that knows all the collector's parts."""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvicorn
import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server as EmbeddedGranian

from ingest.asgi import AsgiCollector
from ingest.collector import Collector
from ingest.connection import IDLE_SECONDS
from ingest.descriptors import allow_connections
from ingest.edge import MAX_HEAD_BYTES, Edge
from ingest.memory import keep_freed_memory
from ingest.rsgi import RsgiCollector, schedule_with
from ingest.shared import Shared
from ingest.silent import end_silent
from ingest.spool import LINGER_SECONDS, Spool
from log.leftovers import adopt, collector_name
from log.places import KafkaPlace
from log.protocols import LogFull
from log.segments import SegmentWriter
from log.shipper import Shipper
from schema import metrics
from schema.sites import BadSites, load_sites

logger = logging.getLogger("sentinel.ingest")
BACKLOG = 2048  # connections the kernel keeps until they are accepted
GRACE_SECONDS = 3  # for requests under way when the worker stops
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


class Server(Protocol):
    async def serve(self) -> None: ...

    def stop(self) -> None: ...

    def tick(self) -> None: ...


class FastServer(uvicorn.Server):
    """uvicorn keeps sockets and shutdown; the edge answers."""

    def __init__(self, collector: Collector, listener: socket.socket, max_connections: int) -> None:
        self._shared = Shared(collector, max_connections)
        self._listener = listener
        super().__init__(
            uvicorn.Config(
                AsgiCollector(collector),
                http=functools.partial(Edge, self._shared),  # type: ignore[arg-type]  # called like the class
                ws="none",
                lifespan="off",
                backlog=BACKLOG,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # else whoever is on this machine says whose limit it uses up
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets or [self._listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The worker listens to signals itself."""
        yield

    def stop(self) -> None:
        self.should_exit = True

    def tick(self) -> None:
        self._shared.tick()


class GranianServer(EmbeddedGranian):
    """granian inside this process, on a socket that is open already."""

    def __init__(self, collector: Collector, listener: socket.socket, max_connections: int) -> None:
        self._listener = listener
        self._port = listener.getsockname()[1]
        self._ticks = 0
        self._collector = RsgiCollector(collector, asyncio.get_running_loop())
        schedule_with(self._collector)
        super().__init__(
            self._collector,
            interface=Interfaces.RSGI,
            http=HTTPModes.auto,
            websockets=False,
            log_access=False,
            log_enabled=False,
            backpressure=max_connections,
            http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000),
            http2_settings=HTTP2Settings(max_headers_size=MAX_HEAD_BYTES),
        )

    def _init_shared_socket(self) -> None:
        # The stub of the class has no constructor; granian's own workers call it like this.
        holder: Any = SocketHolder
        self._shd: Any = holder(self._listener.fileno(), False, BACKLOG)
        self._sfd = self._shd.get_fd()

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]
        asyncio.get_running_loop().call_later(GRACE_SECONDS, end_silent, self._port, 0)

    def tick(self) -> None:
        self._collector.tick()
        self._ticks += 1
        if self._ticks % max(1, IDLE_SECONDS // 5) == 0:
            # Beside the reports: over 10,000 connections it takes a tenth of a second.
            asyncio.get_running_loop().run_in_executor(None, end_silent, self._port, IDLE_SECONDS)


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
