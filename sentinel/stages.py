"""The processes of the one-machine mode: what each is made of, and how it says that it is ready or can't be."""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import uvicorn
import uvloop
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from starlette.applications import Starlette

from dashboards.app import build
from ingest import worker
from log.segments import FolderInUse, is_held
from log.reading import OtherVersion
from log.spool import BadPosition, SpoolConsumer
from processor.process import Processor
from processor.write import Writer
from schema.clickhouse import Engine, StoreInUse, open_chdb
from schema.migrate import NewerStore, migrate
from schema.sites import BadSites, Sites, load_sites
from sentinel import __version__, logs
from sentinel.settings import Settings
from sentinel.supervise import READY

logger = logging.getLogger("sentinel.run")
DRAIN_SECONDS = 3.0  # for what is left in the log when the program stops
PREDECESSOR_SECONDS = 10.0  # for processes of a killed run to end


class CannotStart(Exception):
    """One sentence for the person who started the program."""


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns what may be wrong with a data dir into CannotStart."""
    try:
        yield
    except StoreInUse as error:
        raise CannotStart(f"the store in {error} is in use by another process; stop it, or use its console") from error
    except FolderInUse as error:
        raise CannotStart(f"the spool in {error} is in use by another collector") from error
    except (BadPosition, OtherVersion, BadSites, NewerStore) as error:
        raise CannotStart(str(error)) from error
    except BrokenPipeError:
        raise  # who reads our output has had enough
    except OSError as error:
        raise CannotStart(f"the data dir can't be used: {error}; choose another --data-dir") from error
    except ClickHouseError as error:
        why = str(error).partition("\n")[0][:300]
        raise CannotStart(f"the store can't be used ({why}); is its disk full?") from error


def collector(options: worker.Options, listener: socket.socket, level: str, form: str, link: Connection) -> None:
    """A collector worker, as a child process."""
    _child(lambda: _when_free(lambda: _collect(options, listener, link)), level, form, link)


def _collect(options: worker.Options, listener: socket.socket, link: Connection) -> None:
    worker.run(options, listener, lambda: link.send(READY), _parent())


def store(settings: Settings, listener: socket.socket, link: Connection) -> None:
    """Processor and console, as a child process: the engine in it allows one process."""
    run = StoreStage(settings, listener, processing=True)
    _child(lambda: _when_free(lambda: run(lambda: link.send(READY))), settings.log_level, settings.log_format, link)


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
    """What works on the store in this process: the processor, the console, or both."""

    def __init__(self, settings: Settings, listener: socket.socket | None, *, processing: bool) -> None:
        self._settings = settings
        self._listener = listener
        self._processing = processing
        self._stop = Event()

    def __call__(self, ready: Callable[[], None]) -> None:
        """Until SIGTERM or, without a parent, Ctrl-C. Raises what `explained` explains."""
        with open_chdb(self._settings.data_dir / "store") as engine:
            client = engine.client()
            migrate(client, self._settings.retention_days)
            _record_start(client)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve(engine, ready))

    async def _serve(self, engine: Engine, ready: Callable[[], None]) -> None:
        processing: asyncio.Task[None] | None = None
        lag: Callable[[], float] | None = None
        if self._processing:
            consumer = spool_consumer(self._settings.data_dir)
            processor = Processor(consumer, Writer(engine.client(), engine.inserting), load_sites(self._settings.sites))
            lag = consumer.lag
            processing = asyncio.create_task(asyncio.to_thread(self._process, processor))
            self._reload_on_hangup(processor)
        console = self._console(engine, lag) if self._listener is not None else None
        self._listen_to_signals(console)
        ready()
        if console is not None:
            serving = asyncio.create_task(console.serve([self._listener] if self._listener else None))
            await asyncio.wait({serving, *([processing] if processing else [])}, return_when=asyncio.FIRST_COMPLETED)
            self._stop.set()
            console.should_exit = True
            await serving
        if processing is not None:
            await processing

    def _process(self, processor: Processor) -> None:
        _collect_garbage_rarely()
        asyncio.run(processor.run(self._stop, DRAIN_SECONDS))

    def _console(self, engine: Engine, lag: Callable[[], float] | None) -> "ConsoleServer":
        app = build(engine, lag or (lambda: None), self._settings.console_token or None)
        return ConsoleServer(app)

    def _reload_on_hangup(self, processor: Processor) -> None:
        def reload() -> None:
            try:
                processor.sites = load_sites(self._settings.sites)
            except BadSites as error:
                logger.error("the sites file was not reloaded: %s", error)

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)

    def _listen_to_signals(self, console: "ConsoleServer | None") -> None:
        loop, parent = asyncio.get_running_loop(), _parent()

        def stop() -> None:
            if self._stop.is_set() and parent is None:
                os._exit(130)  # a second Ctrl-C
            self._stop.set()
            if parent is not None:
                loop.remove_reader(parent)
            if console is not None:
                console.should_exit = True

        loop.add_signal_handler(signal.SIGTERM, stop)
        if parent is None:
            loop.add_signal_handler(signal.SIGINT, stop)
        else:
            loop.add_reader(parent, stop)


class ConsoleServer(uvicorn.Server):
    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The stage listens to signals itself."""
        yield


def _collect_garbage_rarely() -> None:
    """A batch makes many objects and no cycles: with the default thresholds a third of its time goes into looking."""
    gc.set_threshold(100_000, 50, 100)


def _record_start(client: Client) -> None:
    """Also brings the engine's code for inserts and sums into memory: from a cold disk that took two seconds, which the
    first report would have waited.
    """
    client.insert("starts", [[__version__]], column_names=["version"])
    client.query("SELECT sum(reports), uniqExact(fingerprint), max(last_seen) FROM violations WHERE site = ''")


def is_running(data_dir: Path, command: str) -> bool:
    """Whether a `csp-sentinel COMMAND` holds its lock on the data dir."""
    return is_held(data_dir / f"{command}.lock")


def spool_consumer(data_dir: Path) -> SpoolConsumer:
    return SpoolConsumer(data_dir / "spool", data_dir / "processor" / "position.json")


def drain(settings: Settings) -> None:
    """Store what the log holds, and return when it is empty. Raises what `explained` explains."""
    _collect_garbage_rarely()
    stop = Event()
    stop.set()
    with open_chdb(settings.data_dir / "store") as engine:
        client = engine.client()
        migrate(client, settings.retention_days)
        sites: Sites = load_sites(settings.sites)
        processor = Processor(spool_consumer(settings.data_dir), Writer(client, engine.inserting), sites)
        if not asyncio.run(processor.run(stop, float("inf"))):
            raise CannotStart("the store refused an insert; nothing is lost, try again")
