"""Files of reports into deliveries, for `csp-sentinel import`: any size, compressed or not, one value at a time."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from schema.delivery import Delivery
from schema.report import Unreadable, parse
from sentinel.import_shapes import Unusable, delivery, shape
from sentinel.json_values import NOT_JSON, Readable, Skipped, Value, values

__all__ = ["Reading", "Skipped", "UnreadableFile", "read"]


class UnreadableFile(Exception):
    """One sentence: the file, and why nothing of it can be read."""


def read(source: Path | BinaryIO, site: str, now_ms: int) -> "Reading":
    """Opens a file, or takes a stream such as stdin. `site` and `now_ms` serve what doesn't say its own.

    Raises UnreadableFile.
    """
    if not isinstance(source, Path):
        return Reading(source, site, now_ms)
    try:
        total = source.stat().st_size if source.is_file() else None
        return Reading(source.open("rb", buffering=0), site, now_ms, total)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UnreadableFile(f"{source} can't be read: {getattr(error, 'strerror', None) or error}") from error


class Reading:
    """Iterates over deliveries and what was skipped. Close it, or use it in a `with`.

    `position` of `total_bytes` are read, both as the file stands on disk; the total is None where it is unknown.
    """

    def __init__(self, stream: BinaryIO, site: str, now_ms: int, total_bytes: int | None = None) -> None:
        self.total_bytes = total_bytes
        self._file = _Counted(stream)
        self._site = site
        self._now_ms = now_ms

    @property
    def position(self) -> int:
        return self._file.position

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Delivery | Skipped]:
        line = 0
        try:
            for value in values(_text(self._file)):
                line = value.line
                if isinstance(value, Skipped):
                    yield value
                else:
                    yield from self._deliveries(value)
        except (OSError, EOFError, zlib.error) as error:  # also what gzip raises where a file is damaged
            yield Skipped(line + 1, f"nothing can be read from here on: {error}")

    def _deliveries(self, value: Value) -> Iterator[Delivery | Skipped]:
        try:
            found = parse(value.raw)
        except Unreadable:
            yield Skipped(value.line, NOT_JSON)
            return
        # A list of rows, captures or log lines is as many values; a list of reports is one body, as it was sent.
        several = isinstance(found, list) and any(shape(item) for item in found)
        for item, raw in [(item, b"") for item in found] if several else [(found, value.raw)]:
            try:
                yield delivery(item, raw, self._site, self._now_ms)
            except Unusable as why:
                yield Skipped(value.line, str(why))
            except RecursionError:
                yield Skipped(value.line, "nested too deeply")


class _Counted(io.RawIOBase):
    """Counts what is read: a compressed file's reader runs ahead, and a pipe has no position."""

    def __init__(self, stream: BinaryIO) -> None:
        self.position = 0
        self._stream = stream
        # A pipe's `read` would wait until the whole buffer is full.
        self._read = getattr(stream, "read1", stream.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._read(len(buffer))
        buffer[: len(found)] = found
        self.position += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _text(file: io.RawIOBase) -> Readable:
    """Told by its first bytes, because a file's name may say anything. Raises OSError for UTF-16."""
    opened = io.BufferedReader(file, 1 << 16)
    start = opened.peek(2)[:2]
    if start in {b"\xff\xfe", b"\xfe\xff"}:
        raise OSError("it is UTF-16; save it as UTF-8")
    return gzip.GzipFile(fileobj=opened) if start == b"\x1f\x8b" else opened
