"""Whether the pipeline itself is well: how far behind, what is full, and what runs where."""

import platform
from typing import Any, NamedTuple

from dashboards.clients import ask
from dashboards.pages.facts import SystemFacts
from dashboards.pages.frame import Asking, Page
from schema.migration_files import migrations

_TABLES = """
SELECT table, sum(rows) AS held, sum(bytes_on_disk) AS bytes, count()
FROM system.parts
WHERE active AND database = currentDatabase()
GROUP BY table
ORDER BY bytes DESC, table
LIMIT 200
"""
_VERSION = "SELECT version()"
_MIGRATIONS = "SELECT toUInt32(number), any(name) FROM migrations WHERE number > 0 GROUP BY number ORDER BY number"
_STARTS = "SELECT toUnixTimestamp(at), version FROM starts ORDER BY at DESC LIMIT 5"
_BEHIND = 60.0  # s; of 99% of reports it is less, or something is wrong


class System(NamedTuple):
    """All that system.html shows."""

    facts: SystemFacts | None
    lag: float | None  # s
    late: bool  # so much that something is wrong
    tables: list[dict[str, Any]]
    bytes: int  # of all tables
    rows: int
    clickhouse: str
    python: str
    migrations: list[dict[str, Any]]  # each with `applied`
    starts: list[tuple[int, str]]  # s and version, the newest first


def _page(its: Asking) -> System:
    lag = its.facts.lag()
    names = ("table", "rows", "bytes", "parts")
    tables = [dict(zip(names, row, strict=True)) for row in ask(its.client, _TABLES)]
    [(clickhouse,)] = ask(its.client, _VERSION)
    applied = dict(ask(its.client, _MIGRATIONS))
    return System(
        facts=its.facts.system(),
        lag=lag,
        late=lag is not None and lag > _BEHIND,
        tables=tables,
        bytes=sum(table["bytes"] for table in tables),
        rows=sum(table["rows"] for table in tables),
        clickhouse=clickhouse,
        python=platform.python_version(),
        migrations=[{"number": number, "name": name, "applied": number in applied} for number, name, _ in migrations()],
        starts=[(at, version) for at, version in ask(its.client, _STARTS)],
    )


PAGE = Page("/system", "system.html", _page, filtered=False)
