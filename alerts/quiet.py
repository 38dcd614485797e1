"""Quiet hours: until when a message waits."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from schema.alerting import QUIET, Alerting

_MOST = 8  # periods that follow each other; a day that is quiet all over ends somewhere all the same


def quiet_until(rules: Alerting, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` (with a zone) is in; None outside. By the clock on the wall, so that hours
    stay where they are when clocks change.
    """
    zone, ends = ZoneInfo(rules.timezone), None
    for _ in range(_MOST):
        local = (ends or now).astimezone(zone)
        found = [end for hours in rules.quiet if (end := _end_of(hours, local)) is not None]
        if not found:
            break
        ends = max(found)
    return ends


def _end_of(hours: str, local: datetime) -> datetime | None:
    found = QUIET.fullmatch(hours)
    assert found is not None, hours  # checked when it was read
    begin, end = _clock(found[1], found[2]), _clock(found[3], found[4])
    for days in (-1, 0):  # those that began yesterday, and those of today
        day = local.date() + timedelta(days=days)
        starts = datetime.combine(day, begin, local.tzinfo)
        ends = datetime.combine(day + timedelta(days=int(end <= begin)), end, local.tzinfo)
        # Compared as moments: two times of one zone are compared by their digits, and those come twice in autumn.
        if starts.timestamp() <= local.timestamp() < ends.timestamp():
            return ends
    return None


def _clock(hour: str, minute: str) -> time:
    return time(int(hour) % 24, int(minute))
