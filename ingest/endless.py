"""How much one request may send. HTTP sets no end to a head, a trailer, a chunk's extension, the zeros before its size,
the empty lines before a request, or a body that nobody wants.
"""

MAX_HEAD_BYTES = 64 * 1024
DRAINED_BYTES = 64 * 1024 * 1024  # of a body over the limit, so that its sender comes to read the answer
_A_BYTE = 16  # of framing; in chunks of one byte each takes six with it
_MOST_FRAMING = 2 * 1024 * 1024


def is_endless(read: int, body: int, max_body: int) -> bool:
    """Whether the `read` bytes of a request are too many; `body` of them are its body's, which may have `max_body`."""
    framing = read - body
    return framing > MAX_HEAD_BYTES + min(_A_BYTE * body, _MOST_FRAMING) or read > max_body + DRAINED_BYTES
