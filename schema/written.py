"""How times and numbers are written for people and programs, in answers, pages and messages alike."""

from datetime import UTC, datetime


def written_ms(millisecond: int) -> str:
    """RFC 3339, in UTC."""
    second, rest = divmod(millisecond, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}Z"


def times(count: int, word: str) -> str:
    """How many of what: `word` takes an s."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
