"""What the store holds, made readable for people: times, numbers, and texts that strangers wrote."""

import re
from datetime import UTC, datetime

from csp.policy import tokens

# Controls, and what changes the order or hides itself (bidi marks, zero-width, tags): shown by their code point.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
LONG = 110  # characters of a text in a list; the whole stands on the violation's own page


def plain(text: str) -> str:
    """On one line, with nothing hidden in it."""
    return _UNSEEN.sub(lambda found: f"⟦U+{ord(found[0]):04X}⟧", text)


def lines(text: str) -> str:
    """The same, with its line breaks."""
    return "\n".join(plain(line) for line in text.replace("\r\n", "\n").split("\n"))


def brief(text: str) -> str:
    """Its beginning and its end: hosts and file names stand there."""
    found = plain(text[: LONG * 4])
    if len(text) <= LONG and len(found) <= LONG:
        return found
    return f"{plain(text)[: LONG - 40]} … {plain(text[-200:])[-37:]}"


def number(count: int) -> str:
    return f"{count:,}"


def moment(time: str) -> str:
    """An RFC 3339 time of ours, to the second."""
    found = datetime.fromisoformat(time)
    return f"{found.day} {found:%b %Y, %H:%M:%S}"


def short(time: str) -> str:
    found = datetime.fromisoformat(time)
    return f"{found.day} {found:%b, %H:%M}"


def ago(time: str) -> str:
    """How long ago, in one unit."""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def span(seconds: int) -> str:
    """A step of a chart."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = seconds // size
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"


def size(count: int) -> str:
    """Of bytes."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def rate(value: float) -> str:
    """Of something a minute."""
    return f"{value:,.0f}" if value >= 9.95 or value == 0 else f"{value:.2g}"


def percent(part: int, whole: int) -> str:
    if not whole:
        return "-"
    share = 100 * part / whole
    if 0 < share < 0.05:
        return "<0.1%"
    if 99.95 <= share < 100:
        return ">99.9%"
    return f"{share:.0f}%" if 9.95 <= share < 99.5 or share in {0, 100} else f"{share:.1f}%"


def policies(text: str) -> list[list[str]]:
    """The directives, as written, of each policy of a header's value."""
    found = (list(tokens(part)) for part in text.split(","))
    return [its for its in found if its]
