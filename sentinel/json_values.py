"""JSON values out of a file of any size, one by one: a value a line, or values and lists spread over many lines.

Only the first line tells which. Where a spread value turns out to be broken, reading goes on line by line behind its
first line, so that one torn line at the start of a file costs nothing but itself.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from schema.report import Unreadable, parse

MOST_BYTES = 1 << 20  # of one value: four times the collector's own limit for a body
TOO_LONG = "longer than 1 MiB"
NOT_JSON = "not JSON"
PIECE_BYTES = 64 << 10

_BETWEEN = re.compile(rb"[^\s,]")
_INSIDE = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'["\\\n]')


class Readable(Protocol):
    """A file open for bytes."""

    def readline(self, size: int = ..., /) -> bytes: ...


class Value(NamedTuple):
    """One value as it stands in the file; `line` is where it starts, from 1."""

    line: int
    raw: bytes


class Skipped(NamedTuple):
    """What could not be used, and why."""

    line: int
    why: str


class _Lost(Exception):
    """No value comes of `text`, which starts on `line`."""

    def __init__(self, line: int, text: bytes, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.text = text


def values(stream: Readable) -> Iterator[Value | Skipped]:
    """Every value or what was found in its place. Holds at most MOST_BYTES and a piece."""
    line, first = 0, b""
    while not first.strip(b"\xef\xbb\xbf \t\r\n"):
        first = stream.readline(MOST_BYTES + 1)
        line += 1
        if not first:
            return
    first = first.lstrip(b"\xef\xbb\xbf \t")
    if first[:1] not in {b"{", b"["} or _is_whole(first):
        yield from _by_line(stream, line, first)
        return
    try:
        yield from _spread(stream, line, first)
    except _Lost as lost:
        yield Skipped(lost.line, str(lost))
        _, newline, rest = lost.text.partition(b"\n")
        if not newline:
            _pass_line(stream)
        yield from _by_line(stream, lost.line + 1, rest)


def _is_whole(line: bytes) -> bool:
    if len(line) > MOST_BYTES:
        return False
    try:
        parse(line)
    except Unreadable:
        return False
    return True


def _by_line(stream: Readable, line: int, ahead: bytes) -> Iterator[Value | Skipped]:
    """`ahead`: what was read of `stream` already, from the start of `line` on."""
    for number, text in enumerate(_lines(stream, ahead), line):
        bare = text.strip(b" \t\r\n,")
        if len(bare) > MOST_BYTES:
            yield Skipped(number, TOO_LONG)
        elif bare not in {b"", b"[", b"]"}:
            yield Value(number, bare)


def _lines(stream: Readable, ahead: bytes) -> Iterator[bytes]:
    """Lines; of those that are too long the beginning."""
    *whole, last = ahead.split(b"\n")
    yield from whole
    text = last + stream.readline(MOST_BYTES + 2)
    while text:
        if len(text) > MOST_BYTES and not text.endswith(b"\n"):
            _pass_line(stream)
        yield text
        text = stream.readline(MOST_BYTES + 2)


def _pass_line(stream: Readable) -> None:
    while (text := stream.readline(PIECE_BYTES)) and not text.endswith(b"\n"):
        pass


def _spread(stream: Readable, line: int, first: bytes) -> Iterator[Value]:
    scanner = _Scanner(line)
    piece = first
    while piece:
        yield from scanner.feed(piece)
        piece = stream.readline(PIECE_BYTES)
    scanner.end()


class _Scanner:
    """Finds where values begin and end by their brackets; whether they are JSON is for the parser to say."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._depth = 0
        self._base = 0  # 1 inside a list around the values
        self._parts: list[bytes] = []  # of the open value
        self._size = 0  # theirs
        self._started = 0  # its line; 0 when none is open
        self._in_string = self._escaped = False

    def feed(self, piece: bytes) -> Iterator[Value]:
        """`piece`: a line, or a part of one that is longer. Raises _Lost."""
        begin, at = 0, int(self._escaped)
        self._escaped = False
        while match := self._next(piece, at):
            mark, at = match[0], match.end()
            if self._in_string:
                at = self._string(mark, piece, at, begin)
            elif mark in b"{[":
                begin = self._open(mark, begin, at - 1)
            elif mark in b"}]" and self._depth:
                if self._close():
                    yield Value(self._started, b"".join([*self._parts, piece[begin:at]]))
                    self._parts, self._size, self._started = [], 0, 0
            elif mark == b'"' and self._started:
                self._in_string = True
            else:
                raise _Lost(self._line, piece[at - 1 :], NOT_JSON)
        self._keep(piece[begin:])
        self._line += piece.endswith(b"\n")

    def _next(self, piece: bytes, at: int) -> re.Match[bytes] | None:
        pattern = _STRING if self._in_string else _INSIDE if self._started else _BETWEEN
        return pattern.search(piece, at)

    def _string(self, mark: bytes, piece: bytes, at: int, begin: int) -> int:
        if mark == b"\n":  # no JSON string goes over the end of a line: this one was torn off
            raise self._lost(piece[begin:], NOT_JSON)
        if mark == b'"':
            self._in_string = False
            return at
        self._escaped = at == len(piece)
        return at + 1

    def _open(self, mark: bytes, begin: int, at: int) -> int:
        """Returns where the open value begins in the piece."""
        self._depth += 1
        if self._started:
            return begin
        if mark == b"[" and not self._base:
            self._base = 1
            return begin
        self._started = self._line
        return at

    def _close(self) -> bool:
        """Whether a value ends here."""
        self._depth -= 1
        if self._started:
            return self._depth == self._base
        self._base = 0
        return False

    def _keep(self, rest: bytes) -> None:
        if self._started:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > MOST_BYTES:
                raise self._lost(b"", TOO_LONG)

    def _lost(self, rest: bytes, why: str) -> _Lost:
        return _Lost(self._started, b"".join([*self._parts, rest]), why)

    def end(self) -> None:
        """Raises _Lost where the file ends inside a value or a list."""
        if self._depth:
            raise self._lost(b"", NOT_JSON) if self._started else _Lost(self._line, b"\n", "the list isn't closed")
