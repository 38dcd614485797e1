"""The stored violations, a piece at a time: small enough to be held, each a question of its own.

Whatever asks raises ClickHouseError.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from processor.moves import Group, Minutes
from processor.write import TABLE_COLUMNS
from schema.keys import COUNTED_BY, KEY, LIVE, of_key
from schema.violation import LONG_TEXTS, WINDOW_SECONDS, Violation

PIECE = 4000  # rows
BYTES = 16_000_000  # of their texts: of the longest URLs 4000 would be 200 MB


class Only(NamedTuple):
    """Which rows: a condition of ours, and the values bound in it."""

    condition: str = "1"
    values: dict[str, Any] = {}  # never changed  # noqa: RUF012


_ALL = Only()
_THESE = "__THESE__"  # where the condition goes


class Range(NamedTuple):
    """Some windows of a site, or a part of one: fingerprints are evenly spread."""

    site: str
    first: int  # windows, s; both inclusive
    last: int
    part: int
    parts: int
    rows: int  # about
    bytes: int  # about

    @property
    def values(self) -> dict[str, Any]:
        low, high = self.part * _SPREAD // self.parts, (self.part + 1) * _SPREAD // self.parts - 1
        return {"site": self.site, "first": self.first, "last": self.last, "low": low, "high": high}


_SPREAD = 1 << 16
_WHERE = """site = {site:String}
    AND window BETWEEN toDateTime({first:UInt32}, 'UTC') AND toDateTime({last:UInt32}, 'UTC')
    AND reinterpretAsUInt16(reverse(substring(fingerprint, 1, 2))) BETWEEN {low:UInt16} AND {high:UInt16}"""
_WEEKS = f"SELECT toMonday(window) AS week, count() FROM violations WHERE {_THESE} GROUP BY week ORDER BY week"  # noqa: S608  (ours)
_REPORTS = f"SELECT sum(reports) FROM violations WHERE {_THESE}"  # noqa: S608  (ours)
# Whoever floods us makes their rows alike in size, so a window's are taken to be spread evenly over its fingerprints.
_WINDOWS = f"""
SELECT toString(site) AS label, toUnixTimestamp(window) AS start, count(),
    sum({" + ".join(f"length({name})" for name in LONG_TEXTS)})
FROM violations
WHERE toMonday(window) = {{week:Date}} AND {_THESE}
GROUP BY label, start
ORDER BY label, start
"""  # noqa: S608  (columns of ours)
_TIMES = {
    "window": "toUnixTimestamp(of_window)",
    "first_seen": "toUnixTimestamp64Milli(of_first_seen)",
    "last_seen": "toUnixTimestamp64Milli(of_last_seen)",
}
_STORED = f"""
SELECT {", ".join(_TIMES.get(name, f"of_{name}") for name in TABLE_COLUMNS)}
FROM (
    SELECT {", ".join(f"{of_key(name)} AS of_{name}" for name in TABLE_COLUMNS)}
    FROM violations
    WHERE {_WHERE} AND {_THESE}
    GROUP BY {", ".join(KEY)}
    {LIVE}
)
"""  # noqa: S608  (columns of ours)
# With site and window the columns are those of `group_of`.
_MINUTES = f"""
SELECT toUnixTimestamp(minute) AS start, {COUNTED_BY}, sum(reports) AS total
FROM minutes
WHERE site = {{site:String}} AND minute >= toDateTime({{first:UInt32}}, 'UTC')
    AND minute < toDateTime({{last:UInt32}} + {WINDOW_SECONDS}, 'UTC')
    AND ({COUNTED_BY}) IN (SELECT {COUNTED_BY} FROM violations WHERE {_WHERE})
GROUP BY start, {COUNTED_BY}
HAVING total > 0
"""  # noqa: S608  (columns of ours)


def _rows(client: Client, query: str, only: Only, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
    asked = query.replace(_THESE, f"({only.condition})")
    rows: Sequence[Sequence[Any]] = client.query(asked, parameters=values | only.values).result_rows
    return rows


def weeks(client: Client, only: Only = _ALL) -> list[tuple[date, int]]:
    """Mondays, with how many rows are of their week: the tables are partitioned so."""
    return [(week, rows) for week, rows in _rows(client, _WEEKS, only, {})]


def reports(client: Client, only: Only = _ALL) -> int:
    """How many there are of them."""
    [(found,)] = _rows(client, _REPORTS, only, {})
    return int(found)


def ranges(client: Client, week: date, only: Only = _ALL) -> Iterator[Range]:
    found = _rows(client, _WINDOWS, only, {"week": week})
    open_: Range | None = None
    for site, window, rows, size in found:
        if open_ is not None and (open_.site != site or open_.rows + rows > PIECE or open_.bytes + size > BYTES):
            yield from _split(open_)
            open_ = None
        if open_ is None:
            open_ = Range(site, window, window, 0, 1, rows, size)
        else:
            open_ = open_._replace(last=window, rows=open_.rows + rows, bytes=open_.bytes + size)
    if open_ is not None:
        yield from _split(open_)


def _split(its: Range) -> Iterator[Range]:
    parts = min(max(-(-its.rows // PIECE), -(-its.bytes // BYTES)), _SPREAD)
    its = its._replace(parts=parts, rows=its.rows // parts, bytes=its.bytes // parts)
    return (its._replace(part=part) for part in range(parts))


def stored(client: Client, its: Range, only: Only = _ALL) -> list[Violation]:
    """By key; their policies' texts are left out."""
    found = _rows(client, _STORED, only, its.values)
    return [Violation(**dict(zip(TABLE_COLUMNS, row, strict=True)), original_policy="") for row in found]


def minutes(client: Client, its: Range) -> dict[Group, Minutes]:
    """The counts a minute of everything that `stored` may have."""
    found: dict[Group, Minutes] = {}
    for start, *group, reports in client.query(_MINUTES, parameters=its.values).result_rows:
        key = (its.site, start // WINDOW_SECONDS * WINDOW_SECONDS, *group)
        found.setdefault(key, {})[start] = reports
    return found
