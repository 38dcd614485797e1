"""Opening the store: ClickHouse in process (chDB), one engine for a data directory."""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from weakref import WeakSet

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ProgrammingError

from schema.engine.definitions import Mended, mend
from schema.engine.taken_for_empty import put_aside_taken_for_empty
from schema.engine.unapplied import forget_unapplied_inserts

_CONFIG = Path(__file__).with_name("engine") / "config.xml"  # threads and caches of a small machine


class StoreBroken(Exception):
    """The engine can't be opened over what is there; the message says why, and what to do."""


class StoreInUse(Exception):
    """Another process has the store open; chDB allows one."""


class NoEngine(Exception):
    """chDB is not installed, as in the image for many machines; the message says what to do."""


def require_engine() -> None:
    """Raises NoEngine."""
    if importlib.util.find_spec("chdb") is None:
        raise NoEngine(
            "ClickHouse in process (chDB) is not installed here: set SENTINEL_STORE to clickhouse://host:8123/database,"
            " or install with requirements.lock"
        )


@contextlib.contextmanager
def open_chdb(folder: Path) -> Iterator["Engine"]:
    """The engine over `folder`, made if absent.

    Raises StoreInUse, NoEngine, and OSError where the folder can't be written.
    """
    require_engine()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the engine's own files can be read by all
    with locked(folder):
        mended = mend(folder / "chdb", folder / "definitions", folder.parent / "broken")
        forget_unapplied_inserts(folder / "chdb")  # first: it looks at what is then put aside
        put_aside_taken_for_empty(folder / "chdb")
        with _insert_files_in(folder / "tmp"):
            _load()
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
        self.moving = Lock()

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


def _load() -> None:
    """Before the first client, and before any thread that uses a relative path.

    While it is imported chDB opens a first engine in a temporary folder, and makes the process's pools of threads by
    the config.xml of the current folder (26.9). So that is ours meanwhile: with the first client it would come too
    late, and another may lie where a user has started us.
    """
    if "chdb" in sys.modules:
        return
    before, os.environ["TMPDIR"] = os.environ.get("TMPDIR"), str(Path(tempfile.gettempdir()).absolute())
    try:
        with contextlib.chdir(_CONFIG.parent):
            importlib.import_module("chdb")
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before


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
