"""Totals, and what there is most of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import ledger, relations, series
from dashboards.clients import ask
from dashboards.estimates import Count
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
SELECT key, sum(total) AS reports, sum(more), count()
FROM (
    SELECT toString({key}) AS key, reinterpretAsUInt128(fingerprint) AS id, sum(reports) AS total, sum(left_out) AS more
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
SELECT toString(noise), toString(verdict), sum(reports) AS total, sum(left_out)
FROM {rows}
GROUP BY noise, verdict
HAVING total > 0
"""


class Labels(NamedTuple):
    """Reports by category of noise ("" for the site's own) and by verdict, biggest first."""

    noise: dict[str, Count]
    verdicts: dict[str, Count]

    @property
    def noisy(self) -> Count:
        return _sum(count for category, count in self.noise.items() if category)


def labels(client: Client, filters: Filters) -> Labels:
    noise: defaultdict[str, list[Count]] = defaultdict(list)
    verdicts: defaultdict[str, list[Count]] = defaultdict(list)
    for category, verdict, *counted in ask(client, _LABELS, relations.violations(filters)):
        noise[category].append(Count(*counted))
        verdicts[verdict].append(Count(*counted))
    return Labels(_biggest_first(noise), _biggest_first(verdicts))


def _biggest_first(found: Mapping[str, Iterable[Count]]) -> dict[str, Count]:
    sums = [(key, _sum(counts)) for key, counts in found.items()]
    return dict(sorted(sums, key=lambda pair: -pair[1].reports))


def _sum(counts: Iterable[Count]) -> Count:
    found = list(counts)
    return Count(sum(its.reports for its in found), sum(its.left_out for its in found))


def totals(client: Client, filters: Filters, lag: float | None) -> dict[str, Any]:
    """`/api/totals`. Refused and ignored reports follow site and period only: they have nothing else to filter by."""
    reports, violations, left_out = ask(client, _TOTALS, relations.violations(filters))[0]
    found = _totals(Count(reports, left_out), violations, ledger.sums(client, filters), lag)
    return found | ledger.left_out(client, filters)


def _totals(counted: Count, violations: int, sums: dict[str, Any], lag: float | None) -> dict[str, Any]:
    return counted.fields() | {
        "violations": violations,
        "rejected": sums["rejected"],
        "ignored": sums["ignored"],
        "lag_seconds": None if lag is None else round(lag, 3),
    }


# A fingerprint has one directive, so the sums of all directives are the totals: one pass, of 0.15 s over 30 days, and
# not two of 0.11 and 0.15. With hosts in it too, by GROUPING SETS, it used one core only, and took 0.58 s.
_DIRECTIVES = """
SELECT key, sum(total) AS reports, sum(more) AS left_out, count() AS violations, sum(reports) OVER (),
    sum(left_out) OVER (), sum(violations) OVER ()
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
    counted: Count
    violations: int
    items: list[dict[str, Any]]  # the biggest directives


def by_directive(client: Client, filters: Filters, limit: int) -> Sums:
    found = ask(client, _DIRECTIVES, relations.violations(filters), limit=limit)
    reports, left_out, violations = found[0][4:] if found else (0, 0.0, 0)
    return Sums(Count(reports, left_out), violations, [_counted(*row[:4]) for row in found])


class Directives(NamedTuple):
    totals: dict[str, Any]
    counted: Count
    items: list[dict[str, Any]]


def directives(client: Client, filters: Filters, sums: dict[str, Any], lag: float | None, limit: int) -> Directives:
    """`totals` and `top` by directive at once; `sums` are the ledger's."""
    found = by_directive(client, filters, limit)
    return Directives(_totals(found.counted, found.violations, sums, lag), found.counted, found.items)


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
    return {"items": [_counted(*row) for row in found]}


def _counted(key: str, reports: int, left_out: float, violations: int) -> dict[str, Any]:
    return {"key": key, **Count(reports, left_out).fields(), "violations": violations}
