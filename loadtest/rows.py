"""Rows for a store as large as a year's: 10 million of them stand for 100 million reports of 30 days.

    python -m loadtest.rows DATA_DIR --rows 10000000 --seed 1

They go into `violations` slice by slice, by `INSERT … SELECT`, so that the views make of them what they make of the
processor's. What is in them follows from the number of a violation, by hashes: the same seed gives the same store.
20 sites, 300 pages each (some with an id in the path), 5000 blocked hosts, 48 browsers, 40% noise. The first violations
are in every window and have most of the reports, the last are in a few windows of the month, one report each.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from rich.progress import Progress

from loadtest.row_values import LEDGER, POLICIES, REJECTS, VIOLATIONS
from schema.clickhouse import open_chdb
from schema.migrate import migrate
from schema.violation import WINDOW_SECONDS

DAYS = 30
WINDOWS = DAYS * 86400 // WINDOW_SECONDS
_SLICE = 48  # windows: 8 hours, so that a million rows are some nine inserts
_YOUNG, _YOUNGEST = 48, 2  # the last windows: what is merged after six hours is not yet, nor what is after ten minutes
_RETENTION_DAYS = 90
_EXAMPLES = 20_000


class Size(NamedTuple):
    rows: int
    violations: int  # different ones, about
    seed: int = 1

    @classmethod
    def of(cls, rows: int, seed: int = 1) -> "Size":
        return cls(rows, max(1000, rows // 20), seed)


def fill(client: Client, size: Size, until: int, told: Callable[[int], None] = lambda _rows: None) -> None:
    """Into empty tables: the month before `until` (s, the start of a window). `told` hears how many rows went in.

    All is merged as it would be by then: but for the last hours, which were in parts of their own.
    """
    values = {"per_window": max(1, size.rows // WINDOWS), "different": size.violations, "seed": size.seed}
    month = {"first": until - DAYS * 86400, "windows": WINDOWS}
    client.command(LEDGER, parameters=month, settings=_SETTINGS)
    for first, windows in _slices(until - DAYS * 86400):
        if first == until - _YOUNG * WINDOW_SECONDS:
            _merge(client, until)
        if first == until - _YOUNGEST * WINDOW_SECONDS:
            client.command("OPTIMIZE TABLE sources FINAL")
        count = windows * values["per_window"]
        asked = values | {"first": first, "rows": count}
        client.command(VIOLATIONS, parameters=asked, settings=_SETTINGS)
        told(count)
    client.command(POLICIES, parameters=values | month)
    client.command(_EXAMPLES_OF, parameters={"limit": _EXAMPLES})
    client.command(REJECTS, parameters=month)


_SETTINGS = {"max_threads": 2, "max_insert_threads": 1, "max_partitions_per_insert_block": 1000}
_EXAMPLES_OF = """
INSERT INTO examples (site, fingerprint, raw, seen)
SELECT any(site), fingerprint, concat('{"csp-report":{"document-uri":"', any(document_url), '"}}'), max(last_seen)
FROM violations
GROUP BY fingerprint
ORDER BY fingerprint
LIMIT {limit:UInt32}
"""


def _slices(start: int) -> Iterator[tuple[int, int]]:
    ends = [*range(_SLICE, WINDOWS, _SLICE), WINDOWS - _YOUNGEST, WINDOWS]
    for begin, end in pairwise([0, *ends]):
        yield start + begin * WINDOW_SECONDS, end - begin


_BY_WEEK = ["violations", "minutes", "ledger", "ledger_hours"]
_ANY_WEEK = ["weeks", "hours", "days"]
_MERGED = """
SELECT DISTINCT table, partition FROM system.parts
WHERE active AND database = currentDatabase() AND (
    table IN {any_week:Array(String)}
    OR table IN {by_week:Array(String)} AND partition < toString(toMonday(toDateTime({until:UInt32}, 'UTC')))
)
"""


def _merge(client: Client, until: int) -> None:
    """What the store merges by itself once it is older than six hours (migrations 0014 and 0020)."""
    tables = {"any_week": _ANY_WEEK, "by_week": _BY_WEEK, "until": until}
    for table, week in client.query(_MERGED, parameters=tables).result_rows:
        client.command(f"OPTIMIZE TABLE {table} PARTITION '{week}' FINAL")
    client.command("OPTIMIZE TABLE site_policies FINAL")


def settle(client: Client, patience: float = 600) -> None:
    """Waits until the store has merged what it wants to merge."""
    deadline, quiet = time.monotonic() + patience, 0
    while time.monotonic() < deadline and quiet < 5:
        quiet = 0 if client.query("SELECT count() FROM system.merges").result_rows[0][0] else quiet + 1
        time.sleep(0.5)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="loadtest.rows", description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    until = int(time.time()) // WINDOW_SECONDS * WINDOW_SECONDS
    with open_chdb(given.data_dir / "store") as engine, Progress() as progress:
        client = engine.client()
        migrate(client, _RETENTION_DAYS)
        bar = progress.add_task("rows", total=given.rows)
        fill(client, Size.of(given.rows, given.seed), until, lambda rows: progress.advance(bar, rows))
        bar = progress.add_task("merging", total=None)
        settle(client)
        progress.update(bar, total=1, completed=1)


if __name__ == "__main__":
    main()
