"""One input of the fuzzer, taken apart into what a target needs."""

BETWEEN = b"\xff"  # never part of UTF-8, so a mutation seldom moves it


def pieces(data: bytes, count: int) -> list[bytes]:
    """Exactly `count`; the last has the rest, those that are missing are empty."""
    found = data.split(BETWEEN, count - 1)
    return found + [b""] * (count - len(found))


def text(piece: bytes) -> str:
    """Hostile text: bytes that are no UTF-8 become lone surrogates, as in an environment or an escaped string."""
    return piece.decode(errors="surrogateescape")
