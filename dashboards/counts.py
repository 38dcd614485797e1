"""Totals, and what there is most of."""

from collections import Counter
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import ledger, relations, series
from dashboards.clients import ask
from dashboards.filters import Filters, Where

# What `top` may be asked by → its column.
BY = series.BY | {
    "blocked_site": "blocked_site",
    "document_url": "document_url",
    "policy_hash": "policy_hash",
    "source_file": "source_file",
    "document_template": "document_template",
    "blocked_template": "blocked_template",
}

# Distinct fingerprints are counted by grouping: exact like uniqExact, but able to spill to disk. As numbers they take
# two thirds of the time that they take as texts.
_TOTALS = """
SELECT sum(total), count(), sum(more)
FROM (
    SELECT reinterpretAsUInt128(fingerprint) AS id, sum(reports) AS total, sum(left_out) AS more
    FROM {rows}
    GROUP BY id
)
WHERE total > 0
"""
_TOP = """
SELECT key, sum(total) AS reports, count()
FROM (
    SELECT toString({key}) AS key, reinterpretAsUInt128(fingerprint) AS id, sum(reports) AS total
    FROM {rows}
    GROUP BY key, id
    HAVING total > 0
)
GROUP BY key
ORDER BY reports DESC, key
LIMIT {limit:UInt32}
"""


# Two columns of few values: a tenth of the time that the fingerprints take.
_LABELS = """
SELECT toString(noise), toString(verdict), sum(reports) AS total
FROM {rows}
GROUP BY noise, verdict
HAVING total > 0
"""


class Labels(NamedTuple):
    """Reports by category of noise ("" for the site's own) and by verdict, biggest first."""

    noise: dict[str, int]
    verdicts: dict[str, int]

    @property
    def noisy(self) -> int:
        return sum(self.noise.values()) - self.noise.get("", 0)


def labels(client: Client, filters: Filters) -> Labels:
    noise: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    for category, verdict, reports in ask(client, _LABELS, relations.violations(filters)):
        noise[category] += reports
        verdicts[verdict] += reports
    return Labels(dict(noise.most_common()), dict(verdicts.most_common()))


def totals(client: Client, filters: Filters, lag: float | None) -> dict[str, Any]:
    """`/api/totals`. Refused and ignored reports follow site and period only: they have nothing else to filter by."""
    reports, violations, left_out = ask(client, _TOTALS, relations.violations(filters))[0]
    found = _totals(reports, left_out, violations, ledger.sums(client, filters), lag)
    return found | {"limited": ledger.limited(client, filters)}


def _totals(reports: int, left_out: float, violations: int, sums: dict[str, Any], lag: float | None) -> dict[str, Any]:
    return {
        "reports": reports,
        "estimated": reports + round(left_out),
        "violations": violations,
        "rejected": sums["rejected"],
        "ignored": sums["ignored"],
        "lag_seconds": None if lag is None else round(lag, 3),
    }


# A fingerprint has one directive, so the sums of all directives are the totals: one pass, of 0.15 s over 30 days, and
# not two of 0.11 and 0.15. With hosts in it too, by GROUPING SETS, it used one core only, and took 0.58 s.
_DIRECTIVES = """
SELECT key, sum(total) AS reports, count() AS violations, sum(reports) OVER (), sum(violations) OVER (),
    sum(sum(more)) OVER ()
FROM (
    SELECT any(effective_directive) AS key, reinterpretAsUInt128(fingerprint) AS id, sum(reports) AS total,
        sum(left_out) AS more
    FROM {rows}
    GROUP BY id
    HAVING total > 0
)
GROUP BY key
ORDER BY reports DESC, key
LIMIT {limit:UInt32}
"""


class Sums(NamedTuple):
    reports: int
    violations: int
    left_out: float  # by sampling and rate limits: estimated
    items: list[dict[str, Any]]  # the biggest directives


def by_directive(client: Client, filters: Filters, limit: int) -> Sums:
    found = ask(client, _DIRECTIVES, relations.violations(filters), limit=limit)
    reports, violations, left_out = found[0][3:] if found else (0, 0, 0.0)
    return Sums(reports, violations, left_out, [_counted(row[:3]) for row in found])


class Directives(NamedTuple):
    totals: dict[str, Any]
    items: list[dict[str, Any]]


def directives(client: Client, filters: Filters, sums: dict[str, Any], lag: float | None, limit: int) -> Directives:
    """`totals` and `top` by directive at once; `sums` are the ledger's."""
    found = by_directive(client, filters, limit)
    return Directives(_totals(found.reports, found.left_out, found.violations, sums, lag), found.items)


_SITES = "SELECT DISTINCT toString(site) AS label FROM hours ORDER BY label LIMIT 1000"


def sites(client: Client) -> list[str]:
    """The sites anything is known of."""
    return [row[0] for row in ask(client, _SITES, Where("", {}))]


_OWN = {"directive", "blocked_host", "document_host", "disposition", "browser", "document_url", "source_file"}
# These are part of what makes a fingerprint: grouped by it alone they take half of the time.
_TOP_OWN = _TOP.replace("toString({key}) AS key, reinterpret", "toString(any({key})) AS key, reinterpret").replace(
    "GROUP BY key, id", "GROUP BY id"
)


def top(client: Client, filters: Filters, by: str, limit: int) -> dict[str, Any]:
    """`/api/top`. A fingerprint seen under two keys counts for both."""
    sql = _TOP_OWN if by in _OWN else _TOP
    found = ask(client, sql.replace("{key}", BY[by]), relations.violations(filters), limit=limit)
    return {"items": [_counted(row) for row in found]}


def _counted(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("key", "reports", "violations"), row, strict=True))
