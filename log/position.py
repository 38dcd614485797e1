"""Up to where the spool is stored, and the batch under way: written for every batch, in two files alike.

A damaged one is known by its checksum, an old one by its turn; the other one says the same, so that nothing is lost and
nothing counts twice.
"""

import contextlib
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from log.broken import is_damage


class Pending(msgspec.Struct):
    id: str
    start: dict[str, int]
    end: dict[str, int]
    decided: bytes


class Position(msgspec.Struct):
    """Offsets by segment ("worker/segment"), of what is stored; and the batch that was being inserted."""

    stored: dict[str, int] = {}
    pending: Pending | None = None
    turn: int = 0  # how often it was written; 0 is of a version that knew no turns, and no checksum
    check: int = 0  # CRC-32 of the rest


class Loaded(NamedTuple):
    position: Position
    broken: list[Path]  # damaged, or older than the other
    known: bool  # whether one of them could be read, or there was none


def files(file: Path) -> tuple[Path, Path]:
    return file, file.with_name(f"{file.stem}-copy{file.suffix}")


def load(file: Path) -> Loaded:
    """The later of the two that can be read. Raises OSError."""
    there = [path for path in files(file) if path.exists()]
    found = {path: its for path in there if (its := _read(path)) is not None}
    if file in found and not found[file].turn:
        return Loaded(found[file], [], known=True)  # a version that knew no copy was the last to write
    latest = max(found.values(), key=lambda its: its.turn, default=Position())
    # A kill between the two leaves one of them a turn behind.
    broken = [path for path in there if path not in found or found[path].turn < latest.turn - 1]
    return Loaded(latest, broken, known=bool(found) or not there)


def _read(path: Path) -> Position | None:
    """None where it is damaged. Raises OSError where it can't be read now."""
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=Position)
    except OSError as error:
        if not is_damage(error):
            raise
        return None
    except (ValueError, RecursionError):  # msgspec's error is a ValueError
        return None
    whole = found.check == _checksum(found) if found.turn else b'"stored"' in text
    return found if whole else None


def save(file: Path, position: Position) -> None:
    """Each file is replaced whole, so that a kill leaves the old or the new. Raises OSError."""
    position.turn += 1
    position.check = _checksum(position)
    text = msgspec.json.encode(position)
    for path in files(file):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(text)
        fresh.replace(path)


def forget(file: Path) -> None:
    for path in files(file):
        path.unlink(missing_ok=True)


def _checksum(position: Position) -> int:
    return zlib.crc32(msgspec.json.encode(msgspec.structs.replace(position, check=0)))


def newest(file: Path) -> Position:
    """For who only looks, while the reader writes."""
    with contextlib.suppress(OSError):
        return load(file).position
    return Position()
