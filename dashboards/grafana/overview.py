"""How much there is, of what, and what is new."""

from dashboards.grafana.panels import chart, choice, dashboard, number, source, table
from dashboards.grafana.rows import COUNTS, MINUTE, SERIES, SITE, SITES, violations

# A source is what was blocked on a site by a directive, whatever it was labelled. Its first report is new for ever, so
# all of `sources` is read: a row or two each.
_NEW = f"""
SELECT site AS "Site", effective_directive AS "Directive", blocked AS "Blocked", min(first_seen) AS "First seen",
    max(last_seen) AS "Last seen", sum(reports) AS "Reports", sumIf(reports, noise != '') AS "Noise",
    uniqCombinedMerge(12)(pages) AS "Pages"
FROM sources
WHERE {SITE}
GROUP BY site, effective_directive, blocked
HAVING "Reports" > 0 AND "First seen" >= $__fromTime AND "First seen" <= $__toTime
"""

DASHBOARD = dashboard(
    "csp-sentinel-overview",
    "CSP-Sentinel: overview",
    "Violations by minute, directive, noise and verdict, and what is new.",
    "24h",
    [source("clickhouse", "grafana-clickhouse-datasource"), choice("site", "Site", SITES)],
    [
        number("Reports", "Reports stored, noise included.", "short", f"SELECT sum(reports) AS reports FROM {COUNTS}"),
        number(
            "Noise share",
            "Share of the reports that are not the site's own doing: extensions, injected code, browsers' own, copies.",
            "percentunit",
            f"SELECT if(sum(reports) = 0, 0, sumIf(reports, noise != '') / sum(reports)) AS share FROM {COUNTS}",
        ),
        number(
            "Impossible share",
            "Share of the reports whose own policy allows what they say was blocked. Forgeries, extensions, bugs.",
            "percentunit",
            "SELECT if(sum(reports) = 0, 0, sumIf(reports, verdict = 'impossible') / sum(reports)) AS share "
            f"FROM {violations('verdict')}",
        ),
        number(
            "New sources",
            "Sources (site, directive, blocked host or kind) whose first report ever is in this period.",
            "short",
            f"SELECT count() AS sources FROM ({_NEW})",
        ),
    ],
    [
        chart(
            "Violations a minute",
            "Reports by the minute they were made in, the site's own doing and noise.",
            "cpm",
            f"""
SELECT $__timeInterval(at) AS time, if(noise = '', 'own', 'noise') AS kind, sum(reports) / {MINUTE} AS reports
FROM {SERIES}
GROUP BY time, kind
ORDER BY time, kind
""",
            by="kind",
            stacked="normal",
        ),
    ],
    [
        chart(
            "By directive",
            "Reports a minute by the directive that was violated.",
            "cpm",
            f"""
SELECT $__timeInterval(at) AS time, effective_directive AS directive, sum(reports) / {MINUTE} AS reports
FROM {SERIES}
GROUP BY time, directive
ORDER BY time, directive
""",
            by="directive",
            stacked="normal",
        ),
        chart(
            "Noise share",
            "Share of the reports that are not the site's own doing.",
            "percentunit",
            f"""
SELECT $__timeInterval(at) AS time, sumIf(reports, noise != '') / sum(reports) AS share
FROM {SERIES}
GROUP BY time
HAVING sum(reports) > 0
ORDER BY time
""",
        ),
    ],
    [
        chart(
            "By verdict",
            "Does the report's own policy block what it says? `none`: stored before there were verdicts.",
            "cpm",
            f"""
SELECT $__timeInterval(minute) AS time, if(verdict = '', 'none', verdict) AS found, sum(reports) / {MINUTE} AS reports
FROM minutes
WHERE $__timeFilter(minute) AND {SITE}
GROUP BY time, found
ORDER BY time, found
""",
            by="found",
            stacked="percent",
        ),
        chart(
            "New sources over time",
            "Sources by when their first report ever came.",
            "short",
            f"""
SELECT $__timeInterval(began) AS time, count() AS sources
FROM (SELECT "First seen" AS began FROM ({_NEW}))
GROUP BY time
ORDER BY time
""",
        ),
    ],
    [
        table(
            "Newest sources",
            "What was first blocked in this period, the newest first; pages are counted to about 2%.",
            "short",
            f'{_NEW}ORDER BY "First seen" DESC, "Site", "Directive", "Blocked"\nLIMIT 50',
        )
    ],
)
