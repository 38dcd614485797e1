"""`import` and `export`: the same beside a running program as without one."""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from dashboards import filters
from dashboards.export import export as exported
from dashboards.params import BadParameter, Parameters
from log.protocols import LogFull
from log.segments import SegmentWriter
from log.spool import unread_bytes
from schema import delivery
from schema.clickhouse import StoreInUse, open_chdb
from schema.delivery import Delivery
from schema.migrate import migrate
from schema.sites import LABEL
from sentinel import stages
from sentinel.imports import Reading, Skipped, UnreadableFile, read
from sentinel.settings import Settings
from sentinel.stages import CannotStart, explained

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the token is for the console alone
_RECORDS_BYTES = 1 << 20  # appended together
_TOLD = 10  # skipped lines that are named; the rest is only counted


def import_(settings: Settings, given: argparse.Namespace) -> int:
    """Into the spool, like any report, and from there into the store. Exit code 1 if nothing could be used."""
    if not LABEL.fullmatch(given.site):
        raise CannotStart(f"--site {given.site}: a label has lower-case letters, digits and hyphens, at most 63")
    taken = skipped = old = 0
    kept_since = (time.time() - settings.retention_days * 86400) * 1000
    with explained(), _Loader(settings) as loader, _progress() as progress:
        for name in given.files:
            for found in _read(name, given.site, progress):
                if isinstance(found, Skipped):
                    skipped += 1
                    _tell_skipped(name, found, skipped)
                else:
                    loader.add(found)
                    taken += found.count
                    old += found.count * (found.received_ms < kept_since)
        loader.finish(progress)
    print(f"imported {taken:,} reports" + (f"; skipped {skipped:,} lines or values" if skipped else ""))
    if old:
        print(f"{old:,} of them are older than the {settings.retention_days} days kept (SENTINEL_RETENTION_DAYS): "
              "they go at the next clean-up")  # fmt: skip
    return 0 if taken or not skipped else 1


def _tell_skipped(name: str, found: Skipped, so_far: int) -> None:
    if so_far <= _TOLD:
        print(f"{name} line {found.line}: skipped: {found.why}", file=sys.stderr)
    elif so_far == _TOLD + 1:
        print("more lines were skipped; they are counted at the end", file=sys.stderr)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _read(name: str, site: str, progress: Progress) -> Iterator[Delivery | Skipped]:
    try:
        reading: Reading = read(sys.stdin.buffer if name == "-" else Path(name), site, int(time.time() * 1000))
    except UnreadableFile as error:
        raise CannotStart(str(error)) from error
    with reading:
        task = progress.add_task(name, total=reading.total_bytes)
        for found in reading:
            yield found
            progress.update(task, completed=reading.position)


class _Loader:
    """Appends to a spool folder of its own; stores it, or waits for the running processor to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool = settings.data_dir / "spool"
        self._folder = self._spool / f"import-{os.getpid()}-{time.time_ns()}"
        self._writer = SegmentWriter(self._folder, settings.spool_max_bytes)
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._most_bytes = min(_RECORDS_BYTES, settings.spool_max_bytes // 4)

    def __enter__(self) -> "_Loader":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()
        if not list(self._folder.glob("*.seg")):
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, found: Delivery) -> None:
        record = delivery.encode(found)
        if self._batch_bytes + len(record) > self._most_bytes:
            self._append()
        self._batch.append(record)
        self._batch_bytes += len(record)

    def _append(self) -> None:
        while self._batch:
            try:
                self._writer.append(self._batch)
                self._batch, self._batch_bytes = [], 0
            except LogFull as full:
                self._writer.roll()
                if not self._left():
                    raise CannotStart(f"the spool can't take what is imported: {full}") from full
                self._store()

    def finish(self, progress: Progress) -> None:
        """Returns when everything is in the store."""
        self._append()
        self._writer.close()
        task = progress.add_task("storing", total=None)
        while left := self._left():
            progress.update(task, description=f"storing, {left:,} bytes to go")
            self._store()

    def _left(self) -> int:
        position = self._settings.data_dir / "processor" / "position.json"
        return sum(unread_bytes(self._spool, position, self._folder.name))

    def _store(self) -> None:
        try:
            stages.drain(self._settings)
        except StoreInUse:
            # A running processor has the store, and reads the spool; a console alone would leave it there.
            if not any(stages.is_running(self._settings.data_dir, command) for command in ("run", "process")):
                raise
            time.sleep(0.2)


def export(settings: Settings, given: argparse.Namespace) -> int:
    """From the store itself, or through the console of the program that has it open."""
    chosen = {name: value for name in filters.NAMES if (value := getattr(given, name)) is not None}
    with explained(), _output(given.output) as output:
        try:
            with open_chdb(settings.data_dir / "store") as engine:
                client = engine.client()
                migrate(client, settings.retention_days)
                for piece in exported(client, _filters(chosen), given.format):
                    output.write(piece)
        except StoreInUse:
            _download(settings, {**chosen, "format": given.format}, output)
    return 0


def _filters(chosen: dict[str, Any]) -> filters.Filters:
    try:
        return filters.read(Parameters(urllib.parse.urlencode(chosen).encode(), filters.NAMES))
    except BadParameter as error:
        raise CannotStart(str(error)) from error


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """A file appears under its name when it is whole."""
    if path is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotStart(f"standard output can't be written: {error.strerror or error}") from error
        return
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise CannotStart(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _download(settings: Settings, query: dict[str, Any], output: BinaryIO) -> None:
    try:
        where = json.loads((settings.data_dir / "run.json").read_text())["console"]
    except (OSError, ValueError, KeyError):
        raise CannotStart("another process has the store open, and it has no console; stop it first") from None
    request = urllib.request.Request(f"{where}/api/export?{urllib.parse.urlencode(query)}")  # noqa: S310  (ours)
    if settings.console_token:
        request.add_header("Authorization", f"Bearer {settings.console_token}")
    try:
        with _DIRECT.open(request, timeout=600) as answer:
            shutil.copyfileobj(answer, output)
    except urllib.error.HTTPError as error:
        raise CannotStart(f"the console at {where} answered {error.code}: {_detail(error)}") from error
    except (urllib.error.URLError, http.client.HTTPException) as error:
        raise CannotStart(f"the console at {where} can't be read: {error}") from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return error.reason
