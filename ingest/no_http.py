"""What may be kept of bytes that break HTTP: their shape. Values of headers are addresses, cookies and credentials."""

import re
from collections.abc import Iterator

_READ = 2048  # bytes; no more of what is refused is kept anyway
_MOST_LINES = 50
# The method, and the path up to what may be a user's name, a session or a query.
_REQUEST = re.compile(rb"[A-Z]{1,20} (?:/[\w/.~-]*(?=[\s?#;%]|\Z)|\*)?")
_NAME = re.compile(rb"[A-Za-z-]{1,40}:")  # digits may be those of an address


def shape(data: bytes, *, begins: bool) -> bytes:
    """A line for a line: its request line or its header's name, or how long it is. The body's length is one.

    `begins`: with a message. What is read in the middle of one may begin within a value, and nothing of it is kept.
    """
    return b"\n".join(_lines(data)) if begins else b"(%d bytes, from within a request)" % len(data)


def _lines(data: bytes) -> Iterator[bytes]:
    known, begun = _REQUEST, data[:_READ]
    for _ in range(_MOST_LINES):
        line, end, begun = begun.partition(b"\n")
        line = line.rstrip(b"\r")
        if not end or not line:
            begun = line + begun
            break
        found = known.match(line)
        yield found[0].strip() if found else b"(%d bytes)" % len(line)
        known = _NAME
    if rest := len(begun) + len(data[_READ:]):
        yield b"(%d bytes)" % rest
