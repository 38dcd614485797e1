"""What there is most of."""

from dashboards.grafana.panels import Panel, choice, dashboard, source, table
from dashboards.grafana.rows import SITES, violations

_LIMIT = 20


def _biggest(title: str, description: str, name: str, key: str, *columns: str) -> Panel:
    """By `key`, an expression of `columns`."""
    rows = violations(", ".join(dict.fromkeys((*columns, "fingerprint", "document_url"))))
    sql = f"""
SELECT {key} AS "{name}", sum(reports) AS "Reports", sumIf(reports, noise != '') AS "Noise",
    uniqCombined(fingerprint) AS "Violations", uniqCombined(12)(document_url) AS "Pages"
FROM {rows}
GROUP BY "{name}"
HAVING "Reports" > 0
ORDER BY "Reports" DESC, "{name}"
LIMIT {_LIMIT}
"""
    return table(title, f"{description} Violations and pages are counted to about 2%.", "short", sql)


DASHBOARD = dashboard(
    "csp-sentinel-offenders",
    "CSP-Sentinel: top offenders",
    "What is blocked most, where, by which directive and in which browser.",
    "24h",
    [source("clickhouse", "grafana-clickhouse-datasource"), choice("site", "Site", SITES)],
    [
        _biggest(
            "Blocked hosts",
            "Hosts that were blocked; the kind (inline, eval, data…) where there is none.",
            "Blocked",
            "if(blocked_host = '', toString(blocked_kind), blocked_host)",
            "blocked_host",
            "blocked_kind",
        ),
        _biggest(
            "Blocked sites",
            "Registrable domains that were blocked.",
            "Blocked site",
            "if(blocked_site = '', '(none)', blocked_site)",
            "blocked_site",
        ),
    ],
    [
        _biggest(
            "Pages",
            "Pages on which something was blocked, without query and fragment.",
            "Page",
            "document_url",
            "document_url",
        )
    ],
    [
        _biggest(
            "Directives", "Directives that were violated.", "Directive", "effective_directive", "effective_directive"
        ),
        _biggest("Browsers", "Browsers that reported.", "Browser", "if(browser = '', '(unknown)', browser)", "browser"),
    ],
)
