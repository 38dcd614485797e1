"""`import`: the same beside a running program as without one."""

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.progress import Progress

from log.leftovers import ship
from log.protocols import LogFull
from log.segments import FolderInUse, SegmentWriter
from log.spool import unread_bytes
from schema import delivery
from schema.clickhouse import StoreInUse
from schema.delivery import Delivery
from schema.sites import LABEL
from sentinel import stages
from sentinel.backing_up import progress
from sentinel.explained import CannotStart, explained
from sentinel.imports import Reading, Skipped, UnreadableFile, read
from sentinel.settings import Settings
from sentinel.spools import IMPORTS, check_spool, is_running, left_by_imports

_RECORDS_BYTES = 1 << 20  # appended together
_TOLD = 10  # skipped lines that are named; the rest is only counted


def import_(settings: Settings, given: argparse.Namespace) -> int:
    """Into the spool, like any report, and from there into the store. Exit code 1 if nothing could be used."""
    if not LABEL.fullmatch(given.site):
        raise CannotStart(f"--site {given.site}: a label has lower-case letters, digits and hyphens, at most 63")
    taken = skipped = old = 0
    kept_since = (time.time() - settings.retention_days * 86400) * 1000
    with explained(), _Loader(settings) as loader, progress() as shown:
        for name in given.files:
            for found in _read(name, given.site, shown):
                if isinstance(found, Skipped):
                    skipped += 1
                    _tell_skipped(name, found, skipped)
                else:
                    loader.add(found)
                    taken += found.count
                    old += found.count * (found.received_ms < kept_since)
        loader.finish(shown)
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


def _read(name: str, site: str, shown: Progress) -> Iterator[Delivery | Skipped]:
    try:
        reading: Reading = read(sys.stdin.buffer if name == "-" else Path(name), site, int(time.time() * 1000))
    except UnreadableFile as error:
        raise CannotStart(str(error)) from error
    with reading:
        task = shown.add_task(name, total=reading.total_bytes)
        for found in reading:
            yield found
            shown.update(task, completed=reading.position)


class _Loader:
    """Appends to a spool folder of its own; stores it, or waits for the running processor to."""

    def __init__(self, settings: Settings) -> None:
        check_spool(settings, "import")
        self._settings = settings
        self._spool = settings.data_dir / ("spool" if settings.log is None else IMPORTS)
        self._folder = self._spool / f"import-{os.getpid()}-{time.time_ns()}"
        self._writer = SegmentWriter(self._folder, settings.spool_max_bytes)
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._most_bytes = min(_RECORDS_BYTES, settings.spool_max_bytes // 4)

    def __enter__(self) -> "_Loader":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._writer.close()
        if not list(self._folder.glob("*.seg")):
            shutil.rmtree(self._folder, ignore_errors=True)
        elif error is not None:
            other = "process" if self._settings.log is None else "ingest"
            print(
                "stopped: what was read so far is kept, and stored with the next `csp-sentinel import` or "
                f"`csp-sentinel {other}` on this data dir; the same file again would count it twice",
                file=sys.stderr,
            )

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
                self._make_room()

    def finish(self, shown: Progress) -> None:
        """Returns when everything is in the store, or in Kafka, from where the processors store it."""
        self._append()
        self._writer.close()
        if self._settings.log is not None:
            shown.add_task("sending to Kafka", total=None)
            for folder in left_by_imports(self._settings):  # this one, and those that were killed
                with contextlib.suppress(FolderInUse):
                    asyncio.run(ship(folder, self._settings.log))
            return
        task = shown.add_task("storing", total=None)
        while left := self._left():
            shown.update(task, description=f"storing, {left:,} bytes to go")
            self._store()

    def _make_room(self) -> None:
        if self._settings.log is None:
            self._store()
            return
        self._writer.close()
        asyncio.run(ship(self._folder, self._settings.log))
        self._writer = SegmentWriter(self._folder, self._settings.spool_max_bytes)

    def _left(self) -> int:
        position = self._settings.data_dir / "processor" / "position.json"
        return sum(unread_bytes(self._spool, position, self._folder.name))

    def _store(self) -> None:
        try:
            stages.drain(self._settings)
        except StoreInUse:
            # A running processor has the store, and reads the spool; a console alone would leave it there.
            if not any(is_running(self._settings.data_dir, command) for command in ("run", "process")):
                raise
            time.sleep(0.2)
