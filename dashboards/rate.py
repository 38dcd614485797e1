"""Reports a minute: what is coming in now, against the same hour of last week."""

from typing import NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters, where
from dashboards.times import window_at
from schema.violation import WEEK_SECONDS

_HOUR = 3600  # s
_SUMS = """
SELECT sumIf(reports, is_now), sumIf(left_out, is_now), sumIf(reports, NOT is_now), sumIf(left_out, NOT is_now)
FROM (SELECT reports, left_out, {time} >= toDateTime({since:UInt32}, 'UTC') AS is_now FROM {rows})
"""


class Rate(NamedTuple):
    """Reports a minute with what was left out, and `before`, the same of the time it stands against."""

    now: float
    before: float | None
    estimated: bool  # `now`


def of_last_hour(client: Client, filters: Filters, now: float) -> Rate:
    """Of the last whole hour, to the minute; to the window where URLs decide. The filters' period is not asked."""
    table, time, end = ("minutes", "minute", int(now) // 60 * 60)
    if filters.of_urls:
        table, time, end = ("violations", "window", window_at(now))
    selected = where(msgspec.structs.replace(filters, start=end - WEEK_SECONDS - _HOUR, end=end), time)
    either = f"({time} >= toDateTime({{since:UInt32}}, 'UTC') OR {time} < toDateTime({{same:UInt32}}, 'UTC'))"
    rows = selected._replace(rows=f"{table} WHERE {selected.sql} AND {either}")
    [found] = ask(client, _SUMS.replace("{time}", time), rows, since=end - _HOUR, same=end - WEEK_SECONDS)
    return _rate(Count(*found[:2]), Count(*found[2:]), _HOUR / 60)


def of_period(filters: Filters, now: Count, before: Count | None) -> Rate | None:
    """Of a period with a begin and an end; None of any other."""
    if filters.start is None or filters.end is None or filters.end == filters.start:
        return None
    return _rate(now, before, (filters.end - filters.start) / 60)


def _rate(now: Count, before: Count | None, minutes: float) -> Rate:
    ago = None if before is None else before.estimated / minutes
    return Rate(now.estimated / minutes, ago, now.estimated != now.reports)
