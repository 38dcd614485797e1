"""The violations as NDJSON, CSV or Parquet, in pieces: a row a site, window, fingerprint, policy, noise label, verdict.

Read back by `csp-sentinel import` (NDJSON), an export gives the same numbers. It goes week by week, a question each:
what arrives meanwhile is in the weeks that are still to come.
"""

from collections.abc import Iterator
from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards import parquet
from dashboards.clients import ask
from dashboards.filters import Filters, Where, where
from dashboards.rows import FIELDS, STORED
from schema.keys import KEY, LIVE, of_key

# What an export may be written as → its media type.
FORMATS = {"ndjson": "application/x-ndjson", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}

_Values = dict[str, Any]  # what the server binds
_NUMBERS = {"reports", "left_out", "estimated", "line_number", "column_number", "status_code", "trust"}
_TIMES = {"window", "first_seen", "last_seen"}
_CHOSEN = {name: of_key(name) if name in _NUMBERS | _TIMES else f"toString({of_key(name)})" for name in STORED} | {
    "fingerprint": "lower(hex(fingerprint))",
}

# The group is the table's key, so rows stream through without being held; the policies' texts may spill to disk. What
# is held is some blocks of each part. ClickHouse's defaults (50 MB a group, for one) took 2 GB for 10 parts, and even
# small blocks take that for the parts of 13 weeks: so a question is about one week, which is a partition. 16 buckets
# from the start hold 400,000 different policies in 450 MB, where a join that has to split them itself took 2 GB.
_SQL = f"""
SELECT {{chosen}}
FROM (
    SELECT {", ".join(f"{sql} AS of_{name}" for name, sql in _CHOSEN.items())}
    FROM violations
    WHERE {{where}} AND toMonday(window) = {{week:Date}}
    GROUP BY {", ".join(KEY)}
    {LIVE}
) AS found
LEFT JOIN (
    SELECT policy_hash, any(original_policy) AS of_original_policy FROM policies GROUP BY policy_hash
) AS texts ON of_policy_hash = texts.policy_hash
SETTINGS optimize_aggregation_in_order = 1, aggregation_in_order_max_block_bytes = 2000000, max_block_size = 2048,
    join_algorithm = 'grace_hash', grace_hash_join_initial_buckets = 16, max_bytes_in_join = 100000000,
    max_threads = 2, max_memory_usage = 1500000000, max_result_rows = 0, max_execution_time = 0,
    output_format_json_quote_64bit_integers = 0, output_format_json_escape_forward_slashes = 0
"""  # noqa: S608  (columns of ours)
_WEEKS = "SELECT DISTINCT toMonday(window) AS week FROM violations WHERE {where} ORDER BY week"


def export(client: Client, filters: Filters, form: str) -> Iterator[bytes]:
    """`form` is one of FORMATS. The client serves nothing else until the last piece is taken."""
    selected = where(filters)
    weeks = [selected.values | {"week": week} for (week,) in ask(client, _WEEKS, selected)]
    if form == "parquet":
        return parquet.written(_blocks(client, selected, weeks))
    return _texts(client, selected, weeks, form)


def _blocks(client: Client, selected: Where, weeks: list[_Values]) -> Iterator[parquet.Block]:
    sql = _chosen(selected, ", ".join(_as_number(name) for name in FIELDS))
    for values in weeks:
        with client.query_column_block_stream(sql, parameters=values) as blocks:
            yield from blocks


def _texts(client: Client, selected: Where, weeks: list[_Values], form: str) -> Iterator[bytes]:
    column = _as_text if form == "ndjson" else _as_cell
    sql = _chosen(selected, ", ".join(f"{column(name)} AS {name}" for name in FIELDS))
    # It leaves with the first rows, so that nothing has been said yet when these can't be had.
    head = (",".join(FIELDS) + "\n").encode() if form == "csv" else b""
    for values in weeks:
        with client.raw_stream(sql, parameters=values, fmt="JSONEachRow" if form == "ndjson" else "CSV") as pieces:
            while piece := pieces.read(_PIECE):
                yield head + piece
                head = b""
    if head:
        yield head


def _chosen(selected: Where, columns: str) -> str:
    return _SQL.replace("{where}", selected.sql).replace("{chosen}", columns)


_PIECE = 256 * 1024


def _as_number(name: str) -> str:
    """Times since the epoch: `window` in s, the others in ms."""
    if name == "window":
        return "toUnixTimestamp(of_window)"
    return f"toUnixTimestamp64Milli(of_{name})" if name in _TIMES else _value(name)


def _as_text(name: str) -> str:
    """Times as RFC 3339."""
    if name == "window":
        return "formatDateTime(of_window, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"
    if name in _TIMES:
        return (f"concat(formatDateTime(of_{name}, '%Y-%m-%dT%H:%i:%S.', 'UTC'),"
                f" leftPad(toString(toUnixTimestamp64Milli(of_{name}) % 1000), 3, '0'), 'Z')")  # fmt: skip
    return _value(name)


def _value(name: str) -> str:
    return "of_reports + of_left_out" if name == "estimated" else f"of_{name}"


def _as_cell(name: str) -> str:
    """A spreadsheet takes some beginnings for a formula; an apostrophe makes a text of them (OWASP, CSV injection)."""
    if name in _TIMES or name in _NUMBERS:
        return _as_text(name)
    return f"if(match(of_{name}, '^[-=+@\\t\\r\\n]'), concat('\\'', of_{name}), of_{name})"
