"""The stages as processes: what each is made of, and how it says that it is ready or can't be."""

import asyncio
import contextlib
import functools
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import uvloop

from ingest import worker
from log.lag import KafkaLag
from log.segments import FolderInUse
from schema.clickhouse import Engine, StoreInUse
from schema.health import Health
from schema.server import Server
from sentinel import forgetting, logs, snapshot
from sentinel.alerting import watching
from sentinel.console import ConsoleServer, console_over
from sentinel.errands import served
from sentinel.explained import CannotStart, explained
from sentinel.in_force import InForce
from sentinel.listening import PREDECESSOR_SECONDS
from sentinel.opening import open_store
from sentinel.processing import Processing
from sentinel.settings import Settings
from sentinel.store_damage import watch_parts
from sentinel.store_server import SERVER, trouble_with_store
from sentinel.supervise import READY, tell
from sentinel.watching import watch, watch_log

logger = logging.getLogger("sentinel.run")
_DRAIN_PAUSES = (1, 2, 4, 8)  # seconds, before an insert that a server refused is tried again
_AGAIN_SECONDS = 30.0  # after alerts failed
_LAST_SECONDS = 12.0  # to stop: what is not stored by then is in Kafka or in the spool


def collector(options: worker.Options, listener: socket.socket, level: str, form: str, link: Connection) -> None:
    """A collector worker, as a child process."""
    _child(lambda: _when_free(lambda: _collect(options, listener, link)), level, form, link)


def _collect(options: worker.Options, listener: socket.socket, link: Connection) -> None:
    worker.run(options, listener, lambda problems: _up(link, problems), _parent())


def _up(link: Connection, problems: Callable[[], list[str]]) -> None:
    """Tells the parent that this process is ready, and from then on what is wrong with it."""
    link.send(READY)
    threading.Thread(target=tell, args=(link, problems), name="tell", daemon=True).start()


def store(settings: Settings, listener: socket.socket, link: Connection) -> None:
    """Processor, console and alerts, as a child process: the engine in it allows one process."""
    health = Health()
    run = StoreStage(settings, listener, processing=True, alerting=True, health=health)
    up = functools.partial(_up, link, health.problems)
    _child(lambda: _when_free(lambda: run(up)), settings.log_level, settings.log_format, link)


def _child(run: Callable[[], None], level: str, form: str, link: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches everyone; the parent decides
    logs.configure(level, form)
    try:
        with explained():
            run()
    except CannotStart as error:
        with contextlib.suppress(OSError):
            link.send(str(error))
        sys.exit(1)


def _when_free(run: Callable[[], None]) -> None:
    """After a kill the processes of the run before may still be ending: wait for their locks."""
    ends = time.monotonic() + PREDECESSOR_SECONDS
    while True:
        try:
            return run()
        except (StoreInUse, FolderInUse):
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def _parent() -> int | None:
    """A file descriptor that ends with the parent process."""
    parent = multiprocessing.parent_process()
    return None if parent is None else parent.sentinel


class StoreStage:
    """What works on the store in this process: the processor, the console, alerts, or all of them."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket | None,
        *,
        processing: bool = False,
        alerting: bool = False,
        health: Health | None = None,
    ) -> None:
        """`listener` is the console's. `health` hears of troubles."""
        self._settings = settings
        self._listener = listener
        self._processes = processing
        self._alerts = alerting
        self._health = health or Health()
        self._stop = threading.Event()
        self._processing: Processing | None = None
        self._watching: list[asyncio.Task[None]] = []  # they end with the loop

    def __call__(self, ready: Callable[[], None]) -> None:
        """Until SIGTERM or, without a parent, Ctrl-C. Raises what `explained` explains."""
        with (
            open_store(self._settings, self._health) as store,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(self._asked(store, ready))

    async def _asked(self, store: Engine | Server, ready: Callable[[], None]) -> None:
        """Of a store in this process others ask us what they can't do beside it."""
        if isinstance(store, Server):
            await self._serve(store, ready)
            return
        snapshot.remove_left(self._settings.data_dir)
        errands = {
            "snapshot": snapshot.on_errand(self._settings.data_dir, store),
            "forget": forgetting.on_errand(store, self._rows_are_gone),
        }
        looking = threading.Thread(target=watch_parts, args=(store, self._health, self._stop), name="parts")
        looking.start()
        try:
            async with served(self._settings.data_dir, errands):
                await self._serve(store, ready)
        finally:
            self._stop.set()
            await asyncio.to_thread(looking.join)

    def _rows_are_gone(self) -> None:
        if self._processing is not None:
            self._processing.forget_known()

    async def _serve(self, store: Engine | Server, ready: Callable[[], None]) -> None:
        tasks: list[asyncio.Future[None]] = []
        console: ConsoleServer | None = None
        lag: Callable[[], float | None] = _unknown
        sites = InForce(self._settings)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, sites.reload)
        if self._processes:
            processing = Processing(self._settings, store, self._health, sites)
            lag, self._processing = processing.lag, processing
            tasks.append(asyncio.create_task(asyncio.to_thread(processing.run, self._stop)))
        elif self._settings.log is not None:
            outside = KafkaLag(self._settings.log)
            lag = outside.seconds
            self._watching.append(asyncio.create_task(outside.watch()))
        self._watch(store)
        if self._listener is not None:
            console = console_over(self._settings, store, lag, sites, self._health, collects=self._processes)
            tasks.append(asyncio.create_task(console.serve([self._listener])))
        if self._alerts:
            alerts = watching(self._settings, store, self._listener, sites, lag, self._health)
            run = functools.partial(go_on, alerts.run, self._health) if tasks else alerts.run
            tasks.append(asyncio.create_task(asyncio.to_thread(run, self._stop)))
        self._listen_to_signals(console)
        ready()
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        if console is not None:
            console.should_exit = True
        await asyncio.wait(tasks)  # all, also where one failed
        await asyncio.gather(*tasks)

    def _watch(self, store: Engine | Server) -> None:
        if isinstance(store, Server):
            self._health.wrong(SERVER, "the store has not been asked yet")
            ask = functools.partial(trouble_with_store, store)
            self._watching.append(asyncio.create_task(watch(SERVER, ask, self._health)))
        if self._processes and self._settings.log is not None:
            self._watching.append(asyncio.create_task(watch_log(self._settings.log, self._health)))

    def _listen_to_signals(self, console: ConsoleServer | None) -> None:
        loop, parent = asyncio.get_running_loop(), _parent()

        def stop() -> None:
            if self._stop.is_set() and parent is None:
                os._exit(130)  # a second Ctrl-C
            self._stop.set()
            self._health.wrong("stop", "the program is stopping")
            self._end_at_last()
            if parent is not None:
                loop.remove_reader(parent)
            if console is not None:
                console.should_exit = True

        loop.add_signal_handler(signal.SIGTERM, stop)
        if parent is None:
            loop.add_signal_handler(signal.SIGINT, stop)
        else:
            loop.add_reader(parent, stop)

    def _end_at_last(self) -> None:
        """A thread that waits for a server which hangs can't be ended, and Python would wait for it."""
        if self._settings.store is not None:
            last = threading.Timer(_LAST_SECONDS, os._exit, (0,))
            last.daemon = True
            last.start()


def go_on(run: Callable[[threading.Event], None], health: Health, stop: threading.Event) -> None:
    """Alerts beside others: where they fail for a reason nobody thought of, the others work, and these begin again."""
    while not stop.is_set():
        try:
            run(stop)
        except Exception as error:
            logger.exception("alerts failed and begin again in %.0f s", _AGAIN_SECONDS)
            health.wrong("alerts", f"alerts failed: {type(error).__name__}, see the log", hinders=False)
            stop.wait(_AGAIN_SECONDS)


def _unknown() -> None:
    """The lag, where nobody here knows it."""


def drain(settings: Settings) -> None:
    """Store what the log holds, and return when it is empty. Raises what `explained` explains."""
    with open_store(settings) as store:
        for pause in _DRAIN_PAUSES if isinstance(store, Server) else ():
            if Processing(settings, store, Health()).drain():
                return
            time.sleep(pause)
        if not Processing(settings, store, Health()).drain():
            raise CannotStart("the store refused an insert; nothing is lost, try again")
