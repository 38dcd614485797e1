"""Totals, and what there is most of."""

from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards import ledger, relations, series
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters

# What `top` may be asked by → its column.
BY = series.BY | {
    "blocked_site": "blocked_site",
    "document_url": "document_url",
    "policy_hash": "policy_hash",
    "source_file": "source_file",
    "document_template": "document_template",
    "blocked_template": "blocked_template",
}

_SUMS = "SELECT sum(reports), sum(left_out) FROM {rows}"
# Distinct fingerprints are counted by grouping: exact like uniqExact, but able to spill to disk.
_SEEN = f"SELECT count() FROM (SELECT {relations.ID} FROM {{rows}})"  # noqa: S608  (ours)
_TOP = """
SELECT key, sum(total) AS reports, sum(more), count()
FROM (
    SELECT toString({shown}) AS key, {id}, sum(reports) AS total,
        sum(left_out) AS more
    FROM {{rows}}
    GROUP BY {grouped}
    HAVING total > 0
)
GROUP BY key
ORDER BY reports DESC, key
LIMIT {{limit:UInt32}}
"""


def totals(client: Client, filters: Filters, lag: float | None) -> dict[str, Any]:
    """`/api/totals`. Refused and ignored reports follow site and period only: they have nothing else to filter by."""
    [counted] = ask(client, _SUMS, relations.counted(client, filters))
    its = ledger.sums(client, filters)
    return answer(Count(*counted), different(client, filters), its.sides, lag) | its.sampled


def different(client: Client, filters: Filters) -> int:
    """How many different violations there are."""
    [(found,)] = ask(client, _SEEN, relations.seen(client, filters))
    return int(found)


def answer(counted: Count, violations: int, sides: dict[str, Any], lag: float | None) -> dict[str, Any]:
    """`sides` are the ledger's."""
    return counted.fields() | {
        "violations": violations,
        "rejected": sides["rejected"],
        "ignored": sides["ignored"],
        "lag_seconds": None if lag is None else round(lag, 3),
    }


_SITES = "SELECT DISTINCT toString(site) AS label FROM hours ORDER BY label LIMIT 1000"


def sites(client: Client) -> list[str]:
    """The sites anything is known of."""
    return [row[0] for row in ask(client, _SITES)]


_OWN = {"directive", "blocked_host", "document_host", "disposition", "browser", "document_url", "source_file"}
# These are part of what makes a fingerprint: grouped by it alone they take half of the time.
_TOP_OWN = _TOP.format(shown="any({key})", grouped="id", id=relations.ID)
_TOP_OTHER = _TOP.format(shown="{key}", grouped="key, id", id=relations.ID)


def top(client: Client, filters: Filters, by: str, limit: int) -> dict[str, Any]:
    """`/api/top`. A fingerprint seen under two keys counts for both."""
    sql = _TOP_OWN if by in _OWN else _TOP_OTHER
    found = ask(client, sql.replace("{key}", BY[by]), relations.violations(client, filters), limit=limit)
    items = [
        {"key": key, **Count(reports, left_out).fields(), "violations": violations}
        for key, reports, left_out, violations in found
    ]
    return {"items": items}
