"""A backup's files: which there are, how long, and with which checksum."""

import errno
import hashlib
import os
import posixpath
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

FORMAT = 1
MANIFEST = "manifest.json"
CHECKSUM = f"{MANIFEST}.sha256"  # as sha256sum(1) writes and checks it; earlier versions wrote none
_PIECE = 1 << 20


class BadBackup(Exception):
    """One sentence: what is wrong with the backup."""


class NotAFile(OSError):
    """A pipe or a device."""


class File(msgspec.Struct):
    bytes: int
    sha256: str


class Manifest(msgspec.Struct):
    """`migration` is the newest of the store's tables; `made` is RFC 3339; files by path in the backup.

    `links`: symbolic ones by path, with what they lead to: not every disk for backups can hold them.
    """

    format: int
    program: str
    layout: int
    migration: int
    made: str
    files: dict[str, File] = {}
    links: dict[str, str] = {}


class Copied(NamedTuple):
    bytes: int
    sha256: str


def read_manifest(folder: Path) -> Manifest:
    """Raises BadBackup."""
    try:
        text = _read(folder / MANIFEST)
        _check(folder, text)
        found = msgspec.json.decode(text, type=Manifest)
    except FileNotFoundError:
        raise BadBackup(f"{folder} is no backup: it has no {MANIFEST}, which is written last") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadBackup(f"{folder / MANIFEST} can't be read: {error}") from error
    led = [posixpath.join(posixpath.dirname(name), to) for name, to in found.links.items()]
    for name in [*found.files, *found.links, *led]:
        if posixpath.normpath(name).startswith(("/", "..")) or "\0" in name:
            raise BadBackup(f"{folder / MANIFEST} names a file outside of the backup: {name!r}")
    if not found.files:
        raise BadBackup(f"{folder / MANIFEST} names no files: no backup is without any")
    return found


def _check(folder: Path, text: bytes) -> None:
    """Raises BadBackup, OSError."""
    if has_checksum(folder) and _read(folder / CHECKSUM) != _checksum(text):
        raise BadBackup(
            f"{folder / MANIFEST} is not as it was written, or {CHECKSUM} beside it isn't: nothing was restored; "
            "take another backup"
        )


def has_checksum(folder: Path) -> bool:
    return (folder / CHECKSUM).exists()


def _checksum(text: bytes) -> bytes:
    return f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()


def _opened(path: Path) -> BinaryIO:
    """To read. Raises OSError; NotAFile for a pipe, whose opening would wait, and for a device, which has no end."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotAFile(errno.EINVAL, "is no file, but a pipe or a device", str(path))
    return file


def _read(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


def files(folder: Path) -> list[Path]:
    """Links too; sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def copy(source: Path, to: Path, progress: Callable[[int], None]) -> Copied:
    """`progress` hears of each piece's bytes. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    to.parent.mkdir(parents=True, exist_ok=True)
    with _opened(source) as read, os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as write:
        while piece := read.read(_PIECE):
            digest.update(piece)
            write.write(piece)
            size += len(piece)
            progress(len(piece))
    return Copied(size, digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Last: on the disk when it returns, as is what was written before. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(manifest))
    (folder / CHECKSUM).write_bytes(_checksum(text))
    os.sync()
    with (folder / MANIFEST).open("xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
