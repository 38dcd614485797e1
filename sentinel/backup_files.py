"""A backup's files: which there are, how long, and with which checksum."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

FORMAT = 1
MANIFEST = "manifest.json"
_PIECE = 1 << 20


class BadBackup(Exception):
    """One sentence: what is wrong with the backup."""


class File(msgspec.Struct):
    bytes: int
    sha256: str


class Manifest(msgspec.Struct):
    """`migration` is the newest of the store's tables; `made` is RFC 3339; files by path in the backup."""

    format: int
    program: str
    layout: int
    migration: int
    made: str
    files: dict[str, File] = {}


class Copied(NamedTuple):
    bytes: int
    sha256: str


def read_manifest(folder: Path) -> Manifest:
    """Raises BadBackup."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BadBackup(f"{folder} is no backup: it has no {MANIFEST}, which is written last") from None
    except (OSError, ValueError) as error:
        raise BadBackup(f"{folder / MANIFEST} can't be read: {error}") from error
    for name in found.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BadBackup(f"{folder / MANIFEST} names a file outside of the backup: {name!r}")
    return found


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Path in the folder, and the file; sorted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def copy(source: Path, to: Path, progress: Callable[[int], None]) -> Copied:
    """`progress` hears of each piece's bytes. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    to.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as write:
        while piece := read.read(_PIECE):
            digest.update(piece)
            write.write(piece)
            size += len(piece)
            progress(len(piece))
    return Copied(size, digest.hexdigest())


def write_whole(path: Path, text: bytes) -> None:
    """On the disk when it returns, as is what was written before. Raises OSError."""
    os.sync()
    with path.open("xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
