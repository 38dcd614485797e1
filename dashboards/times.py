"""Points in time: RFC 3339 in questions and answers, seconds or milliseconds since the epoch inside, always UTC."""

import functools
import re
from datetime import UTC, datetime, timedelta, timezone

from dashboards.query_string import BadParameter
from schema.violation import FIRST_MONDAY, WEEK_SECONDS, WINDOW_SECONDS

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+ -])(\d\d):(\d\d))", re.ASCII
)
LAST_SECOND = 2**32 - 1  # the store's times end in 2106
LAST_WINDOW = LAST_SECOND // WINDOW_SECONDS * WINDOW_SECONDS


def read(name: str, text: str) -> float:
    """Seconds since the epoch. Raises BadParameter."""
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        # A leap second is the end of its minute; the store has none.
        return datetime(year, month, day, hour, minute, min(second, 59) if second <= 60 else second,
                        int((found[7] or "").ljust(6, "0")[:6]), _zone(found)).timestamp()  # fmt: skip
    except (ValueError, OverflowError) as error:
        raise BadParameter(f"{name} is a time such as 2026-11-22T09:30:00Z (RFC 3339), not {text[:60]!r}.") from error


def _zone(found: re.Match[str]) -> timezone:
    if found[8] is None:
        return UTC
    offset = timedelta(hours=int(found[9]), minutes=int(found[10]))
    # An unencoded + arrives as a blank.
    return timezone(-offset if found[8] == "-" else offset)


def window_at(time: float) -> int:
    """The start of the window `time` is in."""
    return _bounded(int(time // WINDOW_SECONDS) * WINDOW_SECONDS)


def window_after(time: float) -> int:
    """The first window's start that is not before `time`."""
    return _bounded(-int(-time // WINDOW_SECONDS) * WINDOW_SECONDS)


def week_of(time: float) -> int:
    """The Monday of the week `time` is in."""
    return _bounded(int(time - FIRST_MONDAY) // WEEK_SECONDS * WEEK_SECONDS + FIRST_MONDAY)


def second_of(time: float) -> int:
    """The second `time` is in; the store's first or last for a time before or after them."""
    return max(0, min(int(time), LAST_SECOND))


def _bounded(second: int) -> int:
    return max(0, min(second, LAST_WINDOW))


@functools.lru_cache(maxsize=1024)  # a chart's many points share few times
def written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@functools.lru_cache(maxsize=1024)
def seconds(time: str) -> int:
    """Of what `written` wrote."""
    return int(datetime.fromisoformat(time).timestamp())
