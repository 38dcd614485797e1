"""The store's files at one moment, linked into another folder: no byte is copied, and the engine goes on.

ClickHouse writes a part once, under a name of its own, and removes what was merged into it when it is there, after
`old_parts_lifetime`: so what a table's folder lists at one moment is a state of the table, and what goes while it is
linked is missed. Which rows are in belongs to whoever keeps others from inserting.
"""

import errno
import os
import re
import shutil
from pathlib import Path

# A message is written down after its event, and a term says how many messages there were: so these are linked first,
# and what they speak of is in.
_FIRST = ("alert_owners", "alert_messages")
_PASSING = ("tmp", "delete_tmp_", "detached", "moving")  # what begins so in a table's folder is no part of the table
_UUID = re.compile(r"\bUUID '([0-9a-f-]{36})'")
_ATTEMPTS = 20


def link_store(path: Path, into: Path) -> None:
    """`path` is the engine's own folder, `into` is made; on another disk it is a copy. Raises OSError."""
    into.mkdir(parents=True)
    made = list(path.glob("store/*/*/*.sql"))
    for file in [*made, *path.glob("metadata/*"), *path.glob("data/*/*")]:
        if file.is_symlink() or file.is_file():
            _copy(file, into / file.relative_to(path))
    names = {found[1]: sql.stem for sql in made if (found := _UUID.search(sql.read_text(errors="replace")))}
    tables = [folder for folder in path.glob("store/*/*") if not any(folder.glob("*.sql"))]
    for folder in sorted(tables, key=lambda its: names.get(its.name) not in _FIRST):
        _link_table(folder, into / folder.relative_to(path))


def _link_table(folder: Path, into: Path) -> None:
    """Again from the start where a part went while it was linked."""
    for _ in range(_ATTEMPTS):
        try:
            # First what grows: a token without its part is forgotten when the store is opened, not the other way round.
            for file in [*folder.glob("deduplication_logs/*"), *folder.glob("*.txt")]:
                _copy(file, into / file.relative_to(folder))
            for part in _listed(folder):
                if part.is_dir() and part.name != "deduplication_logs" and not part.name.startswith(_PASSING):
                    _link_part(part, into / part.name)
            (into / "detached").mkdir(parents=True)
            return
        except FileNotFoundError:
            shutil.rmtree(into, ignore_errors=True)
    raise OSError(errno.EAGAIN, f"the parts in {folder} change all the time")


def _listed(folder: Path) -> list[Path]:
    """As it was at one moment: a long folder is listed in steps, and what changes between them may be in none."""
    found = list(folder.iterdir())
    for _ in range(_ATTEMPTS):
        before, found = found, list(folder.iterdir())
        if found == before:
            return found
    raise OSError(errno.EAGAIN, f"the parts in {folder} change all the time")


def _link_part(part: Path, into: Path) -> None:
    for parent, _, files in os.walk(part, onerror=_raise):
        place = into / Path(parent).relative_to(part)
        place.mkdir(parents=True)
        for name in files:
            link(Path(parent) / name, place / name)


def _raise(error: OSError) -> None:
    raise error


def link(file: Path, to: Path) -> None:
    """A copy where the file system has no links, or `to` is on another one. Raises OSError."""
    try:
        to.hardlink_to(file)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            raise
        shutil.copyfile(file, to)


def _copy(file: Path, to: Path) -> None:
    """A link as a link: the engine's own lead from names to folders."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to, follow_symlinks=False)
