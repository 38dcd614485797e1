"""The HTTP servers a worker can run, each around the same collector."""

import asyncio
import contextlib
import functools
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any, Protocol

import uvicorn
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server as EmbeddedGranian

from ingest.asgi import AsgiCollector
from ingest.collector import Collector
from ingest.connection import IDLE_SECONDS
from ingest.edge import Edge
from ingest.endless import MAX_HEAD_BYTES
from ingest.rsgi import RsgiCollector
from ingest.scheduling import schedule_with
from ingest.shared import Shared
from ingest.silent import end_silent

BACKLOG = 2048  # connections the kernel keeps until they are accepted
GRACE_SECONDS = 3  # for requests under way when the worker stops
# libuv takes one connection a listener and turn of the loop (its pull request 3696). With a new one for each report, of
# 64 clients, a report takes 78 µs of CPU with one listener, 50 with four, 43 with eight. But a connection that comes
# alone wakes them all: 105 µs, 113 with four, 130 with eight; and those of every idle worker: of eight 148 and 173.
_ACCEPTED_A_TURN = 4


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
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        others = (self._listener.dup() for _ in range(_ACCEPTED_A_TURN - 1))
        await super().serve(sockets or [self._listener, *others])

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
        _let_others_finish()
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


def _let_others_finish() -> None:
    """Woken by a thread of granian's, this one waits for its turn instead of taking its core; and so do those.

    Else each report is two switches between them, where they have one core: 28 µs of CPU a report instead of 20, and at
    25,000 a second a p99 of 3.2 ms instead of 1.4. Beside a process that never rests a report waits some 2 ms longer.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
