"""Grafana's half of a dashboard: the files as they are committed, and what it makes of macros and variables.

The macros are those that the ClickHouse data source documents ("Query editor", "Template variables").
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboards" / "grafana"
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "json").glob("*.json"))}


class Period(NamedTuple):
    """`start` and `end` in s since the epoch, `step` the panel's interval in s; `sites`: None is "All"."""

    start: int
    end: int
    step: int = 60
    sites: tuple[str, ...] | None = None


def panels(kind: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Dashboard's name and panel; `kind` is of the data source."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            if kind in panel["datasource"]["type"]:
                yield name, panel


def expanded(sql: str, period: Period) -> str:
    """What ClickHouse gets."""
    start, end = f"toDateTime({period.start})", f"toDateTime({period.end})"
    chosen = ",".join("'" + site.replace("'", "\\'") + "'" for site in period.sites or ())
    sql = re.sub(r"\$__conditionalAll\((.*?), \$site\)", "1=1" if period.sites is None else r"\1", sql)
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 >= {start} AND \1 <= {end}", sql)
    steps = rf"toStartOfInterval(toDateTime(\1), INTERVAL {period.step} second)"
    sql = re.sub(r"\$__timeInterval\((\w+)\)", steps, sql)
    for name, value in {
        "${site:singlequote}": chosen, "$__fromTime": start, "$__toTime": end, "$__interval_s": str(period.step),
    }.items():  # fmt: skip
        sql = sql.replace(name, value)
    assert "$" not in sql, sql
    return sql


def prom_expanded(expression: str) -> str:
    """What Prometheus gets."""
    found = expression.replace("$__rate_interval", "1m").replace("$__range", "6h")
    assert "$" not in found, found
    return found
