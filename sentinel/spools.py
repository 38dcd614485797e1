"""The spools under a data dir: which log they are for, who works on them now, and which are nobody's."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from log import remembered
from log.outbox import Outbox
from log.position import files, forget
from log.segments import has_writer, is_held, segments
from log.spool import unread_bytes
from sentinel.explained import CannotStart
from sentinel.settings import Settings

IMPORTS = "import"  # beside the spool: no processor reads what an import sends to Kafka
_COMMANDS = ("run", "ingest", "process")  # that work on the spool


@contextlib.contextmanager
def held(settings: Settings, command: str) -> Iterator[None]:
    """The data dir's lock for `command`, in which stands the kind of log. Raises CannotStart where another has it."""
    folder = settings.data_dir
    with (folder / f"{command}.lock").open("a+b", buffering=0) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another `csp-sentinel {command}` uses the data dir {folder}; stop it, or choose another --data-dir"
            ) from None
        lock.seek(0)
        if lock.read() != (kind := _kind(settings).encode()):
            with contextlib.suppress(OSError):  # a full disk must not keep a collector from emptying its spool
                lock.truncate(0)
                lock.write(kind)
        yield


def is_running(data_dir: Path, command: str) -> bool:
    """Whether a `csp-sentinel COMMAND` holds its lock on the data dir."""
    return is_held(data_dir / f"{command}.lock")


def check_spool(settings: Settings, command: str) -> None:
    """Raises CannotStart where the spool holds reports that go, or may have gone, elsewhere: they would count twice."""
    for other in _COMMANDS:
        if other == command or not is_running(settings.data_dir, other):
            continue
        if (kind := (settings.data_dir / f"{other}.lock").read_text()) not in {"", _kind(settings)}:
            raise CannotStart(
                f"a `csp-sentinel {other}` that runs on the data dir {settings.data_dir} has another SENTINEL_LOG "
                f"({kind}): give both the same, or choose another --data-dir"
            )
    if settings.log is None:
        _leave_kafka(settings.data_dir / "spool")
    else:
        _leave_spool(settings.data_dir / "spool", settings.data_dir / "processor" / "position.json")


def _leave_kafka(spool: Path) -> None:
    for folder in _folders(spool):
        if not remembered.is_there(folder) or has_writer(folder):
            continue
        outbox = Outbox(folder)
        try:
            if not outbox.empty():
                raise CannotStart(
                    f"{folder} holds reports on their way to Kafka: run `csp-sentinel ingest` with the SENTINEL_LOG of "
                    "before until they are there, or choose another --data-dir"
                )
        finally:
            outbox.close()
        remembered.forget(folder)


def _leave_spool(spool: Path, position: Path) -> None:
    if not any(path.exists() for path in files(position)):
        return
    if any(unread_bytes(spool, position)):
        raise CannotStart(
            f"{spool} holds reports of SENTINEL_LOG=spool: that are not stored yet: store them with "
            "`SENTINEL_LOG=spool: csp-sentinel process --drain`, or choose another --data-dir"
        )
    for folder in _folders(spool):
        if not remembered.is_there(folder) and not has_writer(folder):
            for path in segments(folder):
                path.unlink()  # stored, every byte
    forget(position)


def left_behind(settings: Settings) -> tuple[Path, ...]:
    """Spools that no worker of now writes: of a start with more of them, or of an import that was killed."""
    own = {str(index) for index in range(settings.workers)}
    workers = (folder for folder in _folders(settings.data_dir / "spool") if folder.name not in own)
    return (*workers, *_folders(settings.data_dir / IMPORTS))


def left_by_imports(settings: Settings) -> tuple[Path, ...]:
    return tuple(_folders(settings.data_dir / IMPORTS))


def _folders(spool: Path) -> list[Path]:
    return sorted(path for path in spool.glob("*") if path.is_dir())


def _kind(settings: Settings) -> str:
    return "spool:" if settings.log is None else "kafka:"
