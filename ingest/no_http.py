"""What may be kept of bytes that break HTTP: their shape. Values of headers are addresses, cookies and credentials."""

import re
from collections.abc import Iterator

_READ = 2048  # bytes; no more of what is refused is kept anyway
_MOST_LINES = 50
# A method and a path without its query, or a header's name. Digits in a name may be those of an address.
_KNOWN = re.compile(rb"[A-Z]{1,20} (?:/[^\s?#]*|\*)?|[A-Za-z-]{1,40}:")


def shape(data: bytes, *, begins: bool) -> bytes:
    """A line for a line: its request line or its header's name, or how long it is.

    `begins`: with a message. What is read in the middle of one may begin within a value, and nothing of it is kept.
    """
    return b"\n".join(_lines(data)) if begins else b"(%d bytes, from within a request)" % len(data)


def _lines(data: bytes) -> Iterator[bytes]:
    *lines, last = data[:_READ].split(b"\n", _MOST_LINES)
    for line in lines:
        known = _KNOWN.match(line)
        yield known[0].strip() if known else _length(len(line.rstrip(b"\r")))
    if rest := len(last) + len(data[_READ:]):
        yield _length(rest)


def _length(of: int) -> bytes:
    return b"(%d bytes)" % of if of else b""
