"""Rows for a real store: violations made with defaults, inserted as the processor does; and other processes."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from schema.violation import Violation

# The start of a window, yesterday at 10:30 UTC: rows older than the retention would be gone at the next merge.
START = int(time.time()) // 86400 * 86400 - 86400 + 10 * 3600 + 1800
COLUMNS = [name for name in Violation.__struct_fields__ if name != "original_policy"]
TABLES = (
    "violations", "minutes", "sources", "source_states", "policies", "examples", "ledger", "rejects", "sites_files",
    "noise_moves", "weeks", "hours", "ledger_hours", "rollup_gaps", "site_policies", "days", "days_since",
    "alert_owners", "alert_events", "alert_messages", "silent_sources",
)  # fmt: skip


def violation(number: int = 0, *, at: float = START, **fields: Any) -> Violation:
    """A violation of fingerprint `number`, seen at `at` (s); equal numbers should get equal URLs."""
    defaults: dict[str, Any] = {
        "site": "shop",
        "window": int(at) // 600 * 600,
        "fingerprint": number.to_bytes(16, "big"),
        "document_url": f"https://www.shop.example/page/{number}",
        "document_host": "www.shop.example",
        "referrer": "",
        "effective_directive": "script-src-elem",
        "blocked_url": f"https://cdn.evil.example/{number}.js",
        "blocked_host": "cdn.evil.example",
        "blocked_site": "evil.example",
        "blocked_kind": "url",
        "disposition": "enforce",
        "source_file": "https://www.shop.example/app.js",
        "line_number": 12,
        "column_number": 34,
        "status_code": 200,
        "sample": "",
        "original_policy": "default-src 'self'",
        "policy_hash": "00000000000000aa",
        "browser": "Chrome",
        "browser_version": "156.0.0",
        "os": "Windows",
        "user_agent": "Mozilla/5.0",
        "noise": "",
        "noise_rule": "",
        "first_seen": int(at * 1000),
        "last_seen": int(at * 1000),
    }
    return Violation(**(defaults | fields))


def unpacked(client: Client, *tables: str) -> None:
    """From here on a small part too is a folder of files, as a large one is, and not one file."""
    for table in tables:
        client.command(f"ALTER TABLE {table} MODIFY SETTING min_bytes_for_full_part_storage = 0")


def insert(client: Client, rows: Iterable[Violation], token: str = "") -> None:
    """Into `violations` and, by its views, `minutes` and `sources`; policies too. A repeated token is dropped."""
    rows = list(rows)
    settings = {"deduplicate_blocks_in_dependent_materialized_views": 1}
    # A store of before has no such column, and few rows need it.
    names = [name for name in COLUMNS if name != "left_out" or any(row.left_out for row in rows)]
    columns = [[getattr(row, name) for row in rows] for name in names]
    put(client, "violations", names, columns, settings | ({"insert_deduplication_token": token} if token else {}))
    policies = {row.policy_hash: row for row in rows if row.policy_hash}
    if policies:
        texts = [row.original_policy for row in policies.values()]
        seen = [row.last_seen // 1000 for row in policies.values()]
        put(client, "policies", ["policy_hash", "original_policy", "last_seen"], [list(policies), texts, seen])


def label_again(client: Client, row: Violation, noise: str, token: str) -> None:
    """As `noise apply` does: a row takes the reports from the old label, one gives them to the new and says when."""
    fields = {name: getattr(row, name) for name in COLUMNS}
    changed = [fields | {"reports": -row.reports, "labelled": 0}, fields | {"noise": noise, "labelled": START * 1000}]
    columns = [[one[name] for one in changed] for name in changed[0]]
    settings = {"deduplicate_blocks_in_dependent_materialized_views": 1, "insert_deduplication_token": token}
    put(client, "violations", list(changed[0]), columns, settings)


def put(client: Client, table: str, names: list[str], columns: list[list[Any]], settings: Any = None) -> None:
    client.insert(table, columns, column_names=names, column_oriented=True, settings=settings)


def account(client: Client, rows: Iterable[tuple[str, int, str, str, int]]) -> None:
    """Rows of the ledger: site, minute, outcome, detail, reports."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    put(client, "ledger", ["site", "minute", "outcome", "detail", "reports"], columns)


def empty(client: Client) -> None:
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")


def merge(client: Client) -> None:
    for table in TABLES:
        client.command(f"OPTIMIZE TABLE {table} FINAL")


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file under a folder that may be in use: what goes meanwhile is passed over."""
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                yield Path(where, name), Path(where, name).read_bytes()


def elsewhere(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` answers in a process of its own: chDB allows one path a process, and a kill ends one.

    Raises BrokenProcessPool where it was killed.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result(timeout=300)
