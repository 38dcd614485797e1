"""What a dashboard is made of: panels in rows, each with its questions. Only what differs from Grafana's defaults.

The JSON is Grafana's dashboard model, schema version 39 (Grafana 11).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "${clickhouse}"}
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
_SCHEMA_VERSION = 39
_WIDTH = 24  # of Grafana's grid
_CHART = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
_TIME_SERIES, _TABLE = {"queryType": "timeseries", "format": 0}, {"queryType": "table", "format": 1}


@dataclass(frozen=True)
class Panel:
    """`unit` is Grafana's id of it; `height` in steps of its grid, of some 30 pixels."""

    title: str
    description: str
    unit: str
    kind: str
    height: int
    datasource: Json
    targets: list[Json]
    options: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)  # of the fields
    more: Json = field(default_factory=dict)

    def placed(self, number: int, place: Json) -> Json:
        targets = [its | {"refId": chr(ord("A") + index)} for index, its in enumerate(self.targets)]
        return {
            "id": number, "type": self.kind, "title": self.title, "description": self.description,
            "gridPos": place, "datasource": self.datasource, "targets": targets, "options": self.options,
            "fieldConfig": {"defaults": {"unit": self.unit, **self.defaults}, "overrides": []}, **self.more,
        }  # fmt: skip


def asked(sql: str, form: Json) -> Json:
    return {"datasource": CLICKHOUSE, "editorType": "sql", **form, "rawSql": sql.strip()}


def chart(title: str, description: str, unit: str, sql: str, *, by: str = "", stacked: str = "none") -> Panel:
    """Of ClickHouse: rows of `time`, the column `by` if there is one, and a value. A point is a minute or more.

    `stacked`: none, normal or percent.
    """
    named = {"displayName": f"${{__field.labels.{by}}}"} if by else {}
    targets = [asked(sql, _TIME_SERIES)]
    defaults = _drawn(stacked) | named
    return Panel(title, description, unit, "timeseries", 8, CLICKHOUSE, targets, _CHART, defaults, {"interval": "1m"})


def figures(title: str, description: str, unit: str, *targets: tuple[str, str], stacked: str = "none") -> Panel:
    """A chart of Prometheus: expressions, each with how its series are called."""
    measured = [_measured(*target) for target in targets]
    return Panel(title, description, unit, "timeseries", 8, PROMETHEUS, measured, _CHART, _drawn(stacked))


def number(title: str, description: str, unit: str, question: str) -> Panel:
    """One, of SQL or of PromQL."""
    sql = question.lstrip().startswith("SELECT")
    target = asked(question, _TABLE) if sql else _measured(question, "") | {"instant": True, "range": False}
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}, "graphMode": "none"}
    return Panel(title, description, unit, "stat", 4, CLICKHOUSE if sql else PROMETHEUS, [target], options)


def table(title: str, description: str, unit: str, sql: str) -> Panel:
    return Panel(title, description, unit, "table", 10, CLICKHOUSE, [asked(sql, _TABLE)])


def _drawn(stacked: str) -> Json:
    filled = 0 if stacked == "none" else 40  # %
    line = {"drawStyle": "line", "lineWidth": 1, "showPoints": "never", "fillOpacity": filled}
    return {"min": 0, "custom": line | {"stacking": {"mode": stacked, "group": "A"}}}


def _measured(expression: str, legend: str) -> Json:
    return {"datasource": PROMETHEUS, "expr": expression.strip(), "legendFormat": legend, "range": True}


def source(name: str, kind: str) -> Json:
    """A variable: which data source is asked."""
    return {"name": name, "label": "Data source", "type": "datasource", "query": kind, "refresh": 1, "hide": 0}


def choice(name: str, label: str, sql: str) -> Json:
    """A variable: any or all of what ClickHouse knows."""
    return {
        "name": name, "label": label, "type": "query", "datasource": CLICKHOUSE, "query": sql, "multi": True,
        "includeAll": True, "current": {"text": ["All"], "value": ["$__all"]},
        "refresh": 1, "sort": 0, "hide": 0,
    }  # fmt: skip


def dashboard(
    uid: str, title: str, description: str, period: str, variables: list[Json], *rows: Sequence[Panel]
) -> Json:
    """`period`: how far back it looks at first. The panels of a row share its width and have one height."""
    return {
        "uid": uid, "title": title, "description": description, "tags": ["csp-sentinel"],
        "schemaVersion": _SCHEMA_VERSION, "version": 1, "editable": True, "graphTooltip": 1, "timezone": "browser",
        "time": {"from": f"now-{period}", "to": "now"}, "refresh": "1m",
        "links": [{"type": "dashboards", "title": "CSP-Sentinel", "tags": ["csp-sentinel"], "keepTime": True}],
        "templating": {"list": variables}, "annotations": {"list": []}, "panels": _laid_out(rows),
    }  # fmt: skip


def _laid_out(rows: Sequence[Sequence[Panel]]) -> list[Json]:
    found: list[Json] = []
    top = 0
    for row in rows:
        width = _WIDTH // len(row)
        for index, panel in enumerate(row):
            place = {"x": index * width, "y": top, "w": width, "h": row[0].height}
            found.append(panel.placed(len(found) + 1, place))
        top += row[0].height
    return found
