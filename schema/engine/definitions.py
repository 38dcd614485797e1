"""How ClickHouse knows the tables of a data dir: a file a table, and links. Kept twice, for they are not written twice.

One that is damaged keeps the whole engine from opening; one that is missing makes an empty table of a full one.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Mended(NamedTuple):
    """`broken`: where what was there is kept now; None where there was nothing."""

    name: str
    broken: Path | None


def _files(path: Path) -> Iterator[Path]:
    """Of the engine's folder: definitions, and links from databases to the folders of these."""
    yield from path.glob("metadata/*")
    yield from path.glob("store/*/*/*.sql")


def keep(path: Path, copies: Path) -> None:
    """After the tables were made or altered. Raises OSError."""
    fresh = copies.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for file in _files(path):
        copy = fresh / file.relative_to(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy, follow_symlinks=False)
    shutil.rmtree(copies, ignore_errors=True)
    if fresh.exists():
        fresh.rename(copies)


def mend(path: Path, copies: Path, broken: Path) -> list[Mended]:
    """Before the engine is opened: what is missing or is no definition is put back as it was kept. Raises OSError."""
    found = []
    for copy in _files(copies):
        file = path / copy.relative_to(copies)
        if file.is_symlink() or not (copy.is_symlink() or _is_needed(copy, file)):
            continue
        kept = None
        if file.exists():
            broken.mkdir(exist_ok=True)
            kept = broken / f"{file.parent.name}-{file.name}"
            file.replace(kept)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, file, follow_symlinks=False)
        found.append(Mended(file.name, kept))
    return found


def _is_needed(copy: Path, file: Path) -> bool:
    """Whether the file is no definition, or one that was cut short, and the copy is right."""
    text, kept = _definition(file), _definition(copy)
    return bool(kept) and (not text or (text != kept and kept.startswith(text)))


def _definition(file: Path) -> str:
    """What looks like one, or "": what else is wrong is ClickHouse's to find."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if text.startswith("ATTACH ") and "\0" not in text else ""
