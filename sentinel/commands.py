"""What each command does: the only place that knows all the rooms."""

import argparse
import asyncio
import contextlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from rich.console import Console

from ingest.worker import Options
from schema import metrics
from schema.health import Health
from sentinel import alerting, layout, operations, stages
from sentinel.backing_up import backup
from sentinel.demo import DemoStopped
from sentinel.demo import run as send_demo
from sentinel.explained import CannotStart, explained
from sentinel.exporting import export
from sentinel.forgetting import forget
from sentinel.importing import import_
from sentinel.in_force import files
from sentinel.initial import init
from sentinel.listening import Places, address_url, announce, listen, url_of
from sentinel.noise import noise_
from sentinel.processing import DRAIN_SECONDS
from sentinel.restoring import restore
from sentinel.settings import Settings
from sentinel.signing import sign
from sentinel.spools import check_spool, held, left_behind
from sentinel.stages import StoreStage
from sentinel.supervise import Child, StartFailed, Supervisor
from sentinel.watching import watch_log

__all__ = [
    "CannotStart", "alerts", "backup", "console", "demo", "export", "forget", "import_", "ingest", "init", "noise_",
    "process", "restore", "run", "sign",
]  # fmt: skip


_LEAST_FREE_BYTES = 64 * 1024 * 1024  # below this ClickHouse can't merge; better told at the start


def run(settings: Settings, _given: argparse.Namespace) -> int:
    with (
        _data_dir(settings, "run"),
        Places(settings.data_dir, "run") as places,
        listen(settings.host, settings.port, "port", places.patience) as collector,
        listen(settings.console_host, settings.console_port, "console-port", places.patience) as console_,
    ):
        ours = msgspec.structs.replace(settings, port=collector.getsockname()[1])  # where it asked for a free one
        store = Child("store", stages.store, (ours, console_), stop_seconds=DRAIN_SECONDS + 7)
        supervisor = _supervisor([_workers(settings, collector), [store]], collector)
        figures = _serve_operations(settings, _problems(settings, supervisor))
        where = {"collector": url_of(collector), "console": url_of(console_), "metrics": f"{figures}/metrics"}
        return _keep_running(supervisor, lambda: announce(places, where, settings))


def ingest(settings: Settings, _given: argparse.Namespace) -> int:
    with (
        _data_dir(settings, "ingest"),
        Places(settings.data_dir, "ingest") as places,
        listen(settings.host, settings.port, "port", places.patience) as listener,
    ):
        supervisor = _supervisor([_workers(settings, listener)], listener)
        figures = _serve_operations(settings, _problems(settings, supervisor))
        where = {"collector": url_of(listener), "metrics": f"{figures}/metrics"}
        return _keep_running(supervisor, lambda: announce(places, where, settings))


def process(settings: Settings, given: argparse.Namespace) -> int:
    with explained():
        if given.drain:
            if settings.log is None:
                check_spool(settings, "process --drain")
            stages.drain(settings)
            return 0
        with _own_folder(settings, "process"):
            health = _starting("processor")
            figures = _serve_operations(settings, health.problems)
            log = settings.log.url if settings.log else f"{settings.data_dir}/spool"
            said = f"processor: reads {log}; metrics: {figures}/metrics"
            StoreStage(settings, None, processing=True, health=health)(lambda: _up(health, said))
    return 0


def console(settings: Settings, _given: argparse.Namespace) -> int:
    listener = listen(settings.console_host, settings.console_port, "console-port")
    places = Places(settings.data_dir, "console") if settings.store is None else None
    with _own_folder(settings, "console"), places or contextlib.nullcontext(), listener as opened, explained():
        health = _starting("console")
        figures = _serve_operations(settings, health.problems)
        where = {"console": url_of(opened), "metrics": f"{figures}/metrics"}

        def up() -> None:
            if places is not None:
                places.write(where)
            _up(health, f"console: {where['console']}\nmetrics: {where['metrics']}")

        StoreStage(settings, opened, health=health)(up)
    return 0


def alerts(settings: Settings, given: argparse.Namespace) -> int:
    if given.action == "test":
        with explained():
            return alerting.test(settings)
    if settings.store is None:
        raise CannotStart(
            "`csp-sentinel run` sends alerts itself: `alerts` is a stage for many machines, and needs"
            " SENTINEL_STORE=clickhouse://…"
        )
    with explained():
        health = _starting("alerts stage")
        figures = _serve_operations(settings, health.problems)
        said = f"alerts: watches {settings.store.url}; metrics: {figures}/metrics"
        StoreStage(settings, None, alerting=True, health=health)(lambda: _up(health, said))
    return 0


def demo(_settings: Settings, given: argparse.Namespace) -> int:
    try:
        totals = send_demo(given.url, given.site, given.seed, given.reports, Console(stderr=True))
    except DemoStopped as error:
        raise CannotStart(str(error)) from error
    print(totals)
    return 0


def _workers(settings: Settings, listener: socket.socket) -> list[Child]:
    return [
        Child(
            "collector",
            stages.collector,
            (_options(settings, index), listener, settings.log_level, settings.log_format),
            stop_seconds=12 + settings.stop_seconds if settings.log else 4,
        )
        for index in range(settings.workers)
    ]


def _options(settings: Settings, index: int) -> Options:
    return Options(
        spool=settings.data_dir / "spool" / str(index),
        spool_max_bytes=settings.spool_max_bytes,
        durability=settings.durability,
        sites=settings.sites,
        max_body_bytes=settings.max_body_bytes,
        max_connections=settings.max_connections,
        server=settings.server,
        workers=settings.workers,
        client_rate=settings.client_rate,
        kafka=settings.log,
        left_behind=left_behind(settings) if index == 0 else (),
        stop_seconds=settings.stop_seconds,
    )


def _supervisor(stages_: list[list[Child]], listener: socket.socket) -> Supervisor:
    """`listener` is closed when it stops, so that new connections are refused and not left waiting."""

    def on_death(stage: str, pid: int) -> None:
        metrics.WORKER_RESTARTS.labels(stage).inc()
        mark_process_dead(pid)  # type: ignore[no-untyped-call]

    for children in stages_:
        metrics.WORKER_RESTARTS.labels(children[0].stage)  # from 0 on: a rate misses what a counter begins with
    return Supervisor(stages_, on_death, listener.close)


def _problems(settings: Settings, supervisor: Supervisor) -> Callable[[], list[str]]:
    """Where a 204 waits for Kafka, a collector that nobody reports to has to look whether Kafka is there."""
    place, health = settings.log, Health()
    if place is None or settings.durability != "log":
        return supervisor.problems
    threading.Thread(target=lambda: asyncio.run(watch_log(place, health)), name="watch", daemon=True).start()
    return lambda: [*supervisor.problems(), *health.problems()]


def _keep_running(supervisor: Supervisor, on_ready: Callable[[], None]) -> int:
    try:
        supervisor.run(on_ready)
    except StartFailed as error:
        raise CannotStart(str(error)) from error
    return 0


@contextlib.contextmanager
def _data_dir(settings: Settings, command: str) -> Iterator[None]:
    """Makes the folder, checks what can be checked before anything starts, and keeps a second of the command out."""
    folder = settings.data_dir
    with contextlib.ExitStack() as stack:
        with explained():
            files(settings)
            folder.mkdir(parents=True, exist_ok=True)
            if command != "ingest" and shutil.disk_usage(folder).free < _LEAST_FREE_BYTES:
                raise CannotStart(f"the disk of the data dir {folder} is full; make room, or choose another --data-dir")
            stack.enter_context(held(settings, command))
            with contextlib.suppress(OSError):  # a full disk must not keep a collector from emptying its spool
                layout.write(folder)
            if command != "console":
                check_spool(settings, command)
        yield


def _starting(stage: str) -> Health:
    health = Health()
    health.wrong("start", f"the {stage} is starting")
    return health


def _up(health: Health, said: str) -> None:
    health.right("start")
    print(said, flush=True)


def _own_folder(settings: Settings, command: str) -> contextlib.AbstractContextManager[None]:
    """A stage that keeps nothing on this machine needs no folder, and any number of it may run."""
    kept_here = settings.store is None or (command == "process" and settings.log is None)
    return _data_dir(settings, command) if kept_here else contextlib.nullcontext()


def _serve_operations(settings: Settings, problems: Callable[[], list[str]]) -> str:
    """On a port of their own: the figures of all processes of this command, added up. Returns the URL."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        _server, port = operations.serve(settings.ops_host, settings.ops_port, registry, problems)
    except OSError as error:
        raise CannotStart(
            f"can't serve metrics on {settings.ops_host} port {settings.ops_port}: {error.strerror or error}; "
            "choose another --ops-port (SENTINEL_OPS_PORT)"
        ) from None
    return address_url(settings.ops_host, port)
