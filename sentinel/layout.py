"""What marks a data dir: the version of its layout, and whether a restore into it was cut short.

The store's tables have numbers of their own (schema/migrate.py), and so have the spool's segments (log/frame.py).
"""

import contextlib
from pathlib import Path

import msgspec

from sentinel import __version__
from sentinel.explained import CannotStart

LAYOUT = 1  # which files are where, and what the position file says
_NAME = "layout.json"


class _Mark(msgspec.Struct):
    layout: int
    program: str = ""  # the version that wrote it
    unfinished: str = ""  # what was going on: "restore"


def check(data_dir: Path) -> None:
    """For every command: a data dir without the file is new, or of a version before there was one. Raises CannotStart.

    A file that can't be read hinders nothing: it is written anew.
    """
    mark = _read(data_dir)
    if mark.layout > LAYOUT:
        raise CannotStart(
            f"the data dir {data_dir} was made by a newer csp-sentinel ({mark.program}): run that version or a later "
            "one; nothing was changed"
        )
    if mark.unfinished:
        raise CannotStart(f"a {mark.unfinished} into the data dir {data_dir} was cut short: do it again")


def is_unfinished(data_dir: Path) -> bool:
    return bool(_read(data_dir).unfinished)


def _read(data_dir: Path) -> _Mark:
    try:
        return msgspec.json.decode((data_dir / _NAME).read_bytes(), type=_Mark)
    except (OSError, ValueError, RecursionError):
        return _Mark(LAYOUT)


def write(data_dir: Path, *, unfinished: str = "") -> None:
    """Raises OSError."""
    text = msgspec.json.encode(_Mark(LAYOUT, __version__, unfinished))
    path = data_dir / _NAME
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == text:
            return
    fresh = path.with_suffix(".new")
    fresh.write_bytes(text)
    fresh.replace(path)
