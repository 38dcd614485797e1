"""Opening the store: ClickHouse in process (chDB), one engine for a data directory."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import clickhouse_connect
from clickhouse_connect.driver.client import Client


class StoreInUse(Exception):
    """Another process has the store open; chDB allows one."""


@contextlib.contextmanager
def open_chdb(folder: Path) -> Iterator["Engine"]:
    """The engine over `folder`, made if absent. Raises StoreInUse, and OSError where the folder can't be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreInUse(str(folder)) from error
        forget_unapplied_inserts(folder / "chdb")
        _keep_insert_files_in(folder / "tmp")
        engine = Engine(folder / "chdb", lock)
        try:
            yield engine
        finally:
            engine.close()


class Engine:
    """One engine, many clients: each thread takes its own, because a client serialises its queries."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self._path = path
        self._lock = lock
        self._clients: list[Client] = []

    def client(self) -> Client:
        made = clickhouse_connect.get_client(interface="chdb", path=str(self._path), tz_mode="aware")
        self._clients.append(made)
        return made

    def close(self) -> None:
        for client in self._clients:
            client.close()


def _keep_insert_files_in(folder: Path) -> None:
    """The driver hands inserts over in temporary files; a kill leaves one behind, so they live where we can sweep."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tempfile.tempdir = str(folder)


def forget_unapplied_inserts(path: Path) -> None:
    """Take back a deduplication record whose part never came to be.

    MergeTree writes the insert's token to `deduplication_logs/` and then renames the part into place (seen with
    strace, ClickHouse 26.9). A kill between the two leaves a token for rows that are not there, and the repeat would be
    dropped as known. Only the last line can be such a one: inserts into a table follow each other.
    """
    for logs in path.glob("store/*/*/deduplication_logs"):
        newest = max(logs.glob("deduplication_log_*.txt"), key=_log_number, default=None)
        if newest is None:
            continue
        lines = newest.read_text().splitlines(keepends=True)
        fields = lines[-1].split("\t") if lines else []
        if len(fields) == 3 and fields[0] == "1" and not _part_exists(logs.parent, fields[1]):
            newest.write_text("".join(lines[:-1]))


def _log_number(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _part_exists(table: Path, part: str) -> bool:
    """Whether `part` (partition_min_max_level), or a merged one that covers its blocks, is on disk."""
    partition, low, high, _level = part.split("_")[:4]
    for found in table.glob(f"{partition}_*"):
        fields = found.name.split("_")
        if len(fields) >= 4 and int(fields[1]) <= int(low) and int(high) <= int(fields[2]):
            return True
    return False
