"""The violations as NDJSON, CSV or Parquet, in pieces: a row a site, window, fingerprint, policy, noise label, verdict.

Read back by `csp-sentinel import` (NDJSON), an export gives the same numbers.
"""

from collections.abc import Iterator

from clickhouse_connect.driver.client import Client

from dashboards import parquet
from dashboards.filters import Filters, where
from dashboards.rows import FIELDS, STORED, sum_of

# What an export may be written as → its media type.
FORMATS = {"ndjson": "application/x-ndjson", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}

_KEY = ("site", "window", "fingerprint", "policy_hash", "noise", "verdict")
_CHOSEN = {name: f"toString({sum_of(name)})" for name in STORED} | {
    "window": "window",
    "fingerprint": "lower(hex(fingerprint))",
    "policy_hash": "toString(policy_hash)",
    "noise": "toString(noise)",
    "verdict": "toString(verdict)",
    "first_seen": "min(first_seen)",
    "last_seen": "max(last_seen)",
}
_NUMBERS = {"reports", "line_number", "column_number", "status_code", "trust"}
_CHOSEN |= {name: sum_of(name) for name in _NUMBERS}
_TIMES = {"window", "first_seen", "last_seen"}

# The group is the table's key, so rows stream through without being held; the policies' texts may spill to disk.
_SQL = f"""
SELECT {{chosen}}
FROM (
    SELECT {", ".join(f"{sql} AS of_{name}" for name, sql in _CHOSEN.items())}
    FROM violations
    WHERE {{where}}
    GROUP BY {", ".join(_KEY)}
) AS found
LEFT JOIN (
    SELECT policy_hash, any(original_policy) AS of_original_policy FROM policies GROUP BY policy_hash
) AS texts ON of_policy_hash = texts.policy_hash
SETTINGS optimize_aggregation_in_order = 1, join_algorithm = 'grace_hash', max_bytes_in_join = 200000000,
    max_block_size = 8192, max_result_rows = 0, max_execution_time = 0,
    output_format_json_quote_64bit_integers = 0, output_format_json_escape_forward_slashes = 0
"""  # noqa: S608  (columns of ours)


def export(client: Client, filters: Filters, form: str) -> Iterator[bytes]:
    """`form` is one of FORMATS. The client serves nothing else until the last piece is taken."""
    selected = where(filters)
    sql = _SQL.replace("{where}", selected.sql)
    if form == "parquet":
        columns = ", ".join(_as_number(name) for name in FIELDS)
        with client.query_column_block_stream(sql.replace("{chosen}", columns), parameters=selected.values) as blocks:
            yield from parquet.written(blocks)
        return
    if form == "csv":
        yield (",".join(FIELDS) + "\n").encode()
    column = _as_text if form == "ndjson" else _as_cell
    chosen = ", ".join(f"{column(name)} AS {name}" for name in FIELDS)
    fmt = "JSONEachRow" if form == "ndjson" else "CSV"
    with client.raw_stream(sql.replace("{chosen}", chosen), parameters=selected.values, fmt=fmt) as pieces:
        while piece := pieces.read(_PIECE):
            yield piece


_PIECE = 256 * 1024


def _as_number(name: str) -> str:
    """Times since the epoch: `window` in s, the others in ms."""
    if name == "window":
        return "toUnixTimestamp(of_window)"
    return f"toUnixTimestamp64Milli(of_{name})" if name in _TIMES else f"of_{name}"


def _as_text(name: str) -> str:
    """Times as RFC 3339."""
    if name == "window":
        return "formatDateTime(of_window, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"
    if name in _TIMES:
        return (f"concat(formatDateTime(of_{name}, '%Y-%m-%dT%H:%i:%S.', 'UTC'),"
                f" leftPad(toString(toUnixTimestamp64Milli(of_{name}) % 1000), 3, '0'), 'Z')")  # fmt: skip
    return f"of_{name}"


def _as_cell(name: str) -> str:
    """A spreadsheet takes some beginnings for a formula; an apostrophe makes a text of them (OWASP, CSV injection)."""
    if name in _TIMES or name in _NUMBERS:
        return _as_text(name)
    return f"if(match(of_{name}, '^[-=+@\\t\\r\\n]'), concat('\\'', of_{name}), of_{name})"
