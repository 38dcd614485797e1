"""A data dir at one moment: what its store holds, what its spool holds, and up to where the one has the other.

Nothing but small files is copied, the rest is linked, so it takes a moment. No batch goes into the store meanwhile, and
collectors go on. Whoever starts with it goes on as after a kill at that moment: a batch that was in the store and not
ticked off is repeated under its token, and counts once.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from log import position as positions
from log.segments import is_held, segments
from schema.clickhouse import Engine, StoreInUse, locked
from schema.engine.linked import link, link_store
from sentinel.errands import Errand, ask_holder

_PREFIX = "snapshot-"
_ATTEMPTS = 10
_POSITION = Path("processor") / "position.json"


@contextlib.contextmanager
def snapshot(data_dir: Path) -> Iterator[Path]:
    """A folder in the data dir, which goes at the end. Who has the store open is asked to make it.

    Raises CannotStart, OSError.
    """
    with contextlib.ExitStack() as stack:
        try:
            with locked(data_dir / "store"):
                folder = stack.enter_context(_taken(data_dir))
        except StoreInUse:
            steps = stack.enter_context(contextlib.closing(ask_holder(data_dir, "snapshot")))
            folder = data_dir / next(steps)["folder"]
            # Who made it removes it, unless it was killed meanwhile.
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def remove_left(data_dir: Path) -> None:
    """What a kill left, unless a backup is being made of it: links to files that the store may delete or forget."""
    if not is_held(data_dir / "backup.lock"):
        for left in data_dir.glob(f"{_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)


def on_errand(data_dir: Path, engine: Engine) -> Errand:
    """For who has the store open."""

    def errand(_asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        with contextlib.ExitStack() as stack:
            with engine.inserting:
                folder = stack.enter_context(_taken(data_dir))
            yield {"folder": folder.name}

    return errand


@contextlib.contextmanager
def _taken(data_dir: Path) -> Iterator[Path]:
    """While nothing is inserted. What a kill left of an earlier one goes too: there is one at a time (backup.lock)."""
    for left in data_dir.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = data_dir / f"{_PREFIX}{os.getpid()}-{time.time_ns()}"
    try:
        link_store(data_dir / "store" / "chdb", folder / "store" / "chdb")
        _link_spool(data_dir, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _link_spool(data_dir: Path, folder: Path) -> None:
    """The position with the segments of that moment: it is written twice at most before the next insert has to wait.

    What is appended to a segment while it is copied is in the backup too, as what it is: not stored yet.
    """
    for _ in range(_ATTEMPTS):
        before = positions.newest(data_dir / _POSITION)
        shutil.rmtree(folder / "spool", ignore_errors=True)
        for its in sorted(path for path in (data_dir / "spool").glob("*") if path.is_dir()):
            (folder / "spool" / its.name).mkdir(parents=True)
            for segment in segments(its):
                with contextlib.suppress(FileNotFoundError):  # stored, and deleted
                    link(segment, folder / "spool" / its.name / segment.name)
        if positions.newest(data_dir / _POSITION) == before:
            (folder / "processor").mkdir()
            positions.save(folder / _POSITION, before)
            return
    raise OSError("the position of the spool changes all the time")
