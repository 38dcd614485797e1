"""Reports over time: exact to the minute, and adding up to the totals of the same windows."""

from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from dashboards import relations
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters, Where, where
from dashboards.query_string import BadParameter
from dashboards.times import written
from schema.violation import WINDOW_SECONDS

# What an answer may be split by → its column.
BY = {
    "": "''",
    "directive": "effective_directive",
    "blocked_host": "blocked_host",
    "document_host": "document_host",
    "disposition": "disposition",
    "browser": "browser",
    "noise": "noise",
}
LEAST_STEP, MOST_STEP = 60, 366 * 86400  # s
MOST_ITEMS = 100_000
_STEPS = (60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400)
_OF_HOURS = ("", "directive", "noise")  # what `hours` can be split by
_POINTS = 120  # about as many as a chart can show


class _Table(NamedTuple):
    """Where the counts are, and how finely."""

    name: str
    time: str
    finest: int  # s


_MINUTES = _Table("minutes", "minute", 60)
_WINDOWS = _Table("violations", "window", WINDOW_SECONDS)  # has the URLs that `minutes` lacks

_POINTS_OF = """
SELECT toUInt32(intDiv(toUnixTimestamp({time}), {step:UInt32}) * {step:UInt32}) AS start, toString({key}) AS key,
    sum(reports) AS total, sum(left_out)
FROM {rows}
GROUP BY start, key
HAVING total != 0
ORDER BY start, key
LIMIT {limit:UInt32}
"""
_SPAN_OF = "SELECT toUnixTimestamp(min({time})), toUnixTimestamp(max({time})) FROM {rows}"


def over_time(client: Client, filters: Filters, by: str, step: int | None) -> dict[str, Any]:
    """`/api/series`. `step` (s) is rounded up to what is known: whole minutes, or windows. Raises BadParameter."""
    table = _WINDOWS if filters.of_urls else _MINUTES
    selected = _rows(table, where(filters, table.time))
    step = step or _fitting(client, table, selected, filters)
    if table is _MINUTES and by in _OF_HOURS and relations.of_hours(filters) and step % relations.HOUR == 0:
        selected = relations.minutes(client, filters)
    found = _series(client, table, selected, BY[by], step)
    if len(found["items"]) > MOST_ITEMS:
        raise BadParameter(f"There are over {MOST_ITEMS} items; ask for a larger step, a shorter period or a filter.")
    return found


def of_one(client: Client, its: Where, span: int) -> dict[str, Any]:
    """The series of one violation, which `its` selects, over some `span` seconds."""
    return _series(client, _WINDOWS, _rows(_WINDOWS, its), BY[""], _step(_WINDOWS, span))


def _rows(table: _Table, selected: Where) -> Where:
    return selected._replace(rows=f"{table.name} WHERE {selected.sql}")


def _series(client: Client, table: _Table, selected: Where, column: str, step: int) -> dict[str, Any]:
    step = -(-step // table.finest) * table.finest
    sql = _of(table, _POINTS_OF).replace("{key}", column)
    found = ask(client, sql, selected, step=step, limit=MOST_ITEMS + 1)
    items = [{"time": written(start), "key": key, **Count(*counted).fields()} for start, key, *counted in found]
    return {"step": step, "items": items}


def _fitting(client: Client, table: _Table, selected: Where, filters: Filters) -> int:
    """A step that makes a readable chart of the period asked for, or of what there is."""
    if filters.start is not None and filters.end is not None:
        return _step(table, filters.end - filters.start)
    if table is _MINUTES and relations.of_hours(filters):
        low, high = _hours(client, filters)
        # To the minute the span is up to an hour shorter or longer than by hours; mostly the step is the same.
        least, most = (_step(table, _span(filters, low, high) + more) for more in (-relations.HOUR, relations.HOUR))
        if least == most:
            return least
        selected = _ends(filters, low, high)
    low, high = ask(client, _of(table, _SPAN_OF), selected)[0]
    return _step(table, _span(filters, low, high))


def _span(filters: Filters, low: int, high: int) -> int:
    """Seconds of the period asked for, where that has no start or no end from `low` or to `high`."""
    return (filters.end or high) - max(filters.start or low, low)


def _step(table: _Table, span: int) -> int:
    fine_enough = max(span / _POINTS, table.finest)
    return next((step for step in _STEPS if step >= fine_enough), _STEPS[-1])


def _hours(client: Client, filters: Filters) -> tuple[int, int]:
    """The first and the last hour of what there is."""
    hours = "SELECT toUnixTimestamp(min(hour)), toUnixTimestamp(max(hour)) FROM hours WHERE {where}"
    known = where(msgspec.structs.replace(filters, start=_hour(filters.start)), "hour")
    [(low, high)] = ask(client, hours, known)
    return low, high


def _ends(filters: Filters, low: int, high: int) -> Where:
    """The rows of the first and the last hour, among which the first and the last minute are."""
    known = where(filters, "minute")
    its = f"(minute < toDateTime({low + relations.HOUR}, 'UTC') OR minute >= toDateTime({high}, 'UTC'))"
    return known._replace(rows=f"minutes WHERE {known.sql} AND {its}")


def _hour(second: int | None) -> int | None:
    return second if second is None else second // relations.HOUR * relations.HOUR


def _of(table: _Table, sql: str) -> str:
    return sql.replace("{time}", table.time)
