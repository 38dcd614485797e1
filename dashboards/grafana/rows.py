"""Where the rows of a period are read, in SQL with the macros of the ClickHouse data source.

As in dashboards/relations.py: whole hours and weeks come from the roll-ups, the ends of the period from the fine
tables, and what the roll-ups don't know for certain (`rollup_gaps`, migration 0009) too. Counts are sums: labels are
changed by negative rows. `GLOBAL`, because on a cluster every shard has to know all gaps.
"""

SITE = "$__conditionalAll(site IN (${site:singlequote}), $site)"
_FROM, _TO = "toTimeZone($__fromTime, 'UTC')", "toTimeZone($__toTime, 'UTC')"
_GAPS = "(SELECT week FROM rollup_gaps)"


def counts(hourly: str = "true") -> str:
    """Rows of `at`, `effective_directive`, `noise` and `reports`. `hourly`: whether whole hours are fine enough."""
    first, after = f"toStartOfHour({_FROM} + 3599)", f"toStartOfHour({_TO})"
    return f"""(
    SELECT minute AS at, effective_directive, noise, reports
    FROM minutes
    WHERE $__timeFilter(minute) AND {SITE}
        AND (NOT ({hourly}) OR minute < {first} OR minute >= {after} OR toMonday(minute) GLOBAL IN {_GAPS})
    UNION ALL
    SELECT hour AS at, effective_directive, noise, reports
    FROM hours
    WHERE {hourly} AND hour >= {first} AND hour < {after} AND toMonday(hour) GLOBAL NOT IN {_GAPS} AND {SITE}
)"""


COUNTS = counts()
SERIES = counts("$__interval_s >= 3600")
"""For charts: a point of theirs is a minute, or whole hours."""
MINUTE = "($__interval_s / 60)"


def violations(columns: str) -> str:
    """Rows of these columns, and `noise` and `reports`, of what was seen in the windows of the period."""
    first, after = f"toMonday({_FROM} + 604799)", f"toMonday({_TO})"
    columns = f"{columns}, noise, reports"
    return f"""(
    SELECT {columns}
    FROM violations
    WHERE $__timeFilter(window) AND {SITE} AND (window < toDateTime({first}, 'UTC')
        OR window >= toDateTime({after}, 'UTC') OR toMonday(window) GLOBAL IN {_GAPS})
    UNION ALL
    SELECT {columns}
    FROM weeks
    WHERE week >= {first} AND week < {after} AND week GLOBAL NOT IN {_GAPS} AND {SITE}
)"""


SITES = "SELECT DISTINCT site FROM hours WHERE hour >= now() - INTERVAL 30 DAY ORDER BY site"
