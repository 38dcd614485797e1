"""Opening the store: ClickHouse in process (chDB), one engine for a data directory."""

import contextlib
import fcntl
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from weakref import WeakSet

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ProgrammingError

from schema.definitions import Mended, mend

_CONFIG = Path(__file__).with_name("engine.xml")  # threads and caches of a small machine


class StoreBroken(Exception):
    """The engine can't be opened over what is there; the message says why, and what to do."""


class StoreInUse(Exception):
    """Another process has the store open; chDB allows one."""


class NoEngine(Exception):
    """chDB is not installed, as in the image for many machines; the message says what to do."""


@contextlib.contextmanager
def open_chdb(folder: Path) -> Iterator["Engine"]:
    """The engine over `folder`, made if absent.

    Raises StoreInUse, NoEngine, and OSError where the folder can't be written.
    """
    if importlib.util.find_spec("chdb") is None:
        raise NoEngine(
            "ClickHouse in process (chDB) is not installed here: set SENTINEL_STORE to clickhouse://host:8123/database,"
            " or install with requirements.lock"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the engine's own files can be read by all
    with locked(folder):
        mended = mend(folder / "chdb", folder / "definitions", folder.parent / "broken")
        forget_unapplied_inserts(folder / "chdb")
        with _insert_files_in(folder / "tmp"):
            engine = Engine(folder / "chdb", mended)
            try:
                yield engine
            finally:
                engine.close()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else opens the store in `folder` meanwhile. Raises StoreInUse, OSError."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreInUse(str(folder)) from error
        yield


class Engine:
    """One engine, many clients: each thread takes its own, because a client serialises its queries."""

    def __init__(self, path: Path, mended: Sequence[Mended] = ()) -> None:
        """`mended`: definitions of tables that had to be put back before it could be opened."""
        self.path = path
        self.mended = mended
        self._clients: WeakSet[Client] = WeakSet()  # those still in somebody's hands
        # Held while a batch goes into its tables; who wants them to agree asks its questions after it.
        self.inserting = Lock()

    def client(self, settings: Mapping[str, int | str] | None = None) -> Client:
        """A client of its own; `settings` hold for all its queries. Raises StoreBroken."""
        try:
            made = clickhouse_connect.get_client(
                interface="chdb",
                path=str(self.path),
                tz_mode="aware",
                settings=dict(settings or {}),
                chdb_options={"config-file": str(_CONFIG)},
            )
        except ProgrammingError as error:
            raise StoreBroken(
                f"the store in {self.path} can't be opened ({str(error).partition(chr(10))[0][-200:]}): above stands "
                "what is damaged; move the data dir away, and `csp-sentinel restore` a backup in its place"
            ) from error
        self._clients.add(made)
        return made

    def close(self) -> None:
        """Waits for the queries under way."""
        for client in list(self._clients):
            client.close()


@contextlib.contextmanager
def _insert_files_in(folder: Path) -> Iterator[None]:
    """The driver hands inserts over in temporary files; a kill leaves one behind, so they live where we can sweep."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def forget_unapplied_inserts(path: Path) -> None:
    """Take back a deduplication record whose part never came to be.

    MergeTree writes the insert's token to `deduplication_logs/` and then renames the part into place, part after part
    (seen with strace, ClickHouse 26.9). A kill between the two leaves a token for rows that are not there, and the
    repeat would be dropped as known. Only the last line of a table can be such a one.
    """
    for logs in path.glob("store/*/*/deduplication_logs"):
        newest_first = sorted(logs.glob("deduplication_log_*.txt"), key=_log_number, reverse=True)
        # The newest may be empty: a full log is followed by the next one before the part is renamed.
        for log in newest_first:
            lines = log.read_text().splitlines(keepends=True)
            if lines:
                _forget_last(log, lines)
                break


_ADDED = "1"  # a line is: operation (1 added, 2 dropped), part, block's hash


def _forget_last(log: Path, lines: list[str]) -> None:
    fields = lines[-1].rstrip("\n").split("\t")
    whole = len(fields) == 3 and lines[-1].endswith("\n")
    if whole and (fields[0] != _ADDED or _part_exists(log.parent.parent, fields[1])):
        return
    # Replaced whole, because a kill in here must not lose the other records.
    rest = log.with_name("unfinished.tmp")
    rest.write_text("".join(lines[:-1]))
    rest.replace(log)


def _log_number(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _part_exists(table: Path, part: str) -> bool:
    """Whether `part` (partition_min_max_level), or a merged one that covers its blocks, is on disk.

    One without its checksums is none: a full disk leaves such parts, which can't be opened.
    """
    partition, low, high, _level = part.split("_")[:4]
    for found in table.glob(f"{partition}_*"):
        fields = found.name.split("_")
        if len(fields) >= 4 and int(fields[1]) <= int(low) and int(high) <= int(fields[2]) and _has_checksums(found):
            return True
    return False


def _has_checksums(part: Path) -> bool:
    try:
        return (part / "checksums.txt").stat().st_size > 0
    except OSError:
        return False
