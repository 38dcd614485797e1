"""What each command does: the only place that knows all the rooms."""

import argparse
import contextlib
import errno
import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from rich.console import Console

from ingest.worker import BACKLOG, Options
from schema import metrics
from schema.clickhouse import StoreInUse, open_chdb
from schema.migrate import migrate
from schema.sites import load_sites
from sentinel import stages
from sentinel.demo import DemoStopped
from sentinel.demo import run as send_demo
from sentinel.loading import export, import_
from sentinel.settings import Settings
from sentinel.stages import PREDECESSOR_SECONDS, CannotStart, StoreStage, explained
from sentinel.supervise import Child, StartFailed, Supervisor

__all__ = ["CannotStart", "console", "demo", "export", "import_", "ingest", "init", "process", "run"]


_LEAST_FREE_BYTES = 64 * 1024 * 1024  # below this ClickHouse can't merge; better told at the start


def run(settings: Settings, _given: argparse.Namespace) -> int:
    with _data_dir(settings, "run"), contextlib.ExitStack() as stack:
        places = settings.data_dir / "run.json"
        patience = _patience(places)
        collector = stack.enter_context(_listen(settings.host, settings.port, "port", patience))
        console_ = stack.enter_context(_listen(settings.console_host, settings.console_port, "console-port", patience))
        operations = _serve_metrics(settings)
        where = {"collector": _url(collector), "console": _url(console_), "metrics": f"{operations}/metrics"}
        store = Child("store", stages.store, (settings, console_), stop_seconds=stages.DRAIN_SECONDS + 2)
        stages_ = [_workers(settings, collector), [store]]
        stack.callback(places.unlink, missing_ok=True)
        return _supervise(stages_, collector, lambda: _announce(places, where))


def ingest(settings: Settings, _given: argparse.Namespace) -> int:
    with _data_dir(settings, "ingest"), contextlib.ExitStack() as stack:
        places = settings.data_dir / "ingest.json"
        listener = stack.enter_context(_listen(settings.host, settings.port, "port", _patience(places)))
        operations = _serve_metrics(settings)
        where = {"collector": _url(listener), "metrics": f"{operations}/metrics"}
        stack.callback(places.unlink, missing_ok=True)
        return _supervise([_workers(settings, listener)], listener, lambda: _announce(places, where))


def process(settings: Settings, given: argparse.Namespace) -> int:
    with explained():
        if given.drain:
            stages.drain(settings)
            return 0
        with _data_dir(settings, "process"):
            print(
                f"processor: reads {settings.data_dir}/spool; metrics: {_serve_metrics(settings)}/metrics", flush=True
            )
            StoreStage(settings, None, processing=True)(lambda: None)
    return 0


def console(settings: Settings, _given: argparse.Namespace) -> int:
    listener = _listen(settings.console_host, settings.console_port, "console-port")
    with _data_dir(settings, "console"), listener as opened, explained():
        _serve_metrics(settings)
        StoreStage(settings, opened, processing=False)(lambda: print(f"console: {_url(opened)}", flush=True))
    return 0


def init(settings: Settings, _given: argparse.Namespace) -> int:
    with explained():
        try:
            with open_chdb(settings.data_dir / "store") as engine:
                applied = migrate(engine.client(), settings.retention_days)
        except StoreInUse:
            print("nothing to do: a running csp-sentinel has the store open and keeps its tables up to date")
            return 0
    print(f"applied {', '.join(applied)}" if applied else "nothing to do: the tables are up to date")
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
            stop_seconds=4,
        )
        for index in range(settings.workers)
    ]


def _options(settings: Settings, index: int) -> Options:
    return Options(
        spool=settings.data_dir / "spool" / str(index),
        spool_max_bytes=settings.spool_max_bytes,
        hold=settings.durability == "memory",
        sites=settings.sites,
        max_body_bytes=settings.max_body_bytes,
        max_connections=settings.max_connections,
        server=settings.server,
    )


def _supervise(stages_: list[list[Child]], listener: socket.socket, on_ready: Callable[[], None]) -> int:
    """`listener` is closed when it stops, so that new connections are refused and not left waiting."""

    def on_death(stage: str, pid: int) -> None:
        metrics.WORKER_RESTARTS.labels(stage).inc()
        mark_process_dead(pid)  # type: ignore[no-untyped-call]

    try:
        Supervisor(stages_, on_death, listener.close).run(on_ready)
    except StartFailed as error:
        raise CannotStart(str(error)) from error
    return 0


@contextlib.contextmanager
def _data_dir(settings: Settings, command: str) -> Iterator[None]:
    """Makes the folder, checks what can be checked before anything starts, and keeps a second of the command out."""
    folder = settings.data_dir
    with explained():
        load_sites(settings.sites)
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < _LEAST_FREE_BYTES:
            raise CannotStart(f"the disk of the data dir {folder} is full; make room, or choose another --data-dir")
        lock = (folder / f"{command}.lock").open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another `csp-sentinel {command}` uses the data dir {folder}; stop it, or choose another --data-dir"
            ) from None
        yield


def _patience(places: Path) -> float:
    """A killed program leaves this file, and for a moment processes that still hold its ports."""
    return PREDECESSOR_SECONDS if places.exists() else 0


def _listen(host: str, port: int, flag: str, patience: float = 0) -> socket.socket:
    """`patience`: seconds to try, because processes of a killed `run` that are just ending still hold the port."""
    setting = f"--{flag} (SENTINEL_{flag.replace('-', '_').upper()})"
    ends = time.monotonic() + patience
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and time.monotonic() < ends:
                time.sleep(0.1)
                continue
            why = "it is taken by another program" if taken else error.strerror or str(error)
            raise CannotStart(f"can't listen on {host} port {port}: {why}; choose another {setting}") from None


def _serve_metrics(settings: Settings) -> str:
    """On a port of their own; the figures of all processes of this command, added up. Returns the URL."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        server, _thread = start_http_server(settings.ops_port, settings.ops_host, registry)
    except OSError as error:
        raise CannotStart(
            f"can't serve metrics on {settings.ops_host} port {settings.ops_port}: {error.strerror or error}; "
            "choose another --ops-port (SENTINEL_OPS_PORT)"
        ) from None
    return f"http://{settings.ops_host}:{server.server_port}"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _announce(places: Path, where: dict[str, str]) -> None:
    """What a person needs next, on standard output; and where things are, for the other commands."""
    unfinished = places.with_suffix(".part")
    unfinished.write_text(json.dumps({**where, "pid": os.getpid()}))
    unfinished.replace(places)
    reports = f"{where['collector']}/csp/report"
    for name, url in {**where, "collector": reports}.items():
        print(f"{name + ':':<11}{url}")
    print(
        "\nTo try it on this machine, send this header with your pages (SITE is a label of your choice):\n"
        f"  Content-Security-Policy-Report-Only: default-src 'self'; report-uri {reports}/SITE\n"
        "On a real site, behind https (browsers deliver the Reporting API nowhere else), send both:\n"
        '  Reporting-Endpoints: csp="https://YOUR-COLLECTOR/csp/report/SITE"\n'
        "  Content-Security-Policy-Report-Only: default-src 'self'; report-to csp\n"
        "Nothing to report yet? `csp-sentinel demo` sends some. Ctrl-C stops.",
        flush=True,
    )
