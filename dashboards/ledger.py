"""The ledger: what became of every report received, and whether the books balance."""

from collections.abc import Iterable
from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.filters import Filters, received
from dashboards.times import written

COUNTED = ("received", "stored", "retried", "sampled", "foreign")
SPLIT = ("ignored", "rejected")  # by type, by reason
MOST_KEYS = 100  # types are the clients' own words
OTHER = "other"

_SUMS = "SELECT outcome, detail, sum(reports) FROM ledger WHERE {where} GROUP BY outcome, detail"
_UNBALANCED = """
SELECT count()
FROM (
    SELECT sumIf(reports, outcome = 'received') AS came, sumIf(reports, outcome != 'received') AS went
    FROM ledger
    WHERE {where}
    GROUP BY site, minute
    HAVING came != went
)
"""
_ITEMS = """
SELECT site, toUnixTimestamp(minute) AS time, groupArray((outcome, detail, total))
FROM (
    SELECT site, minute, outcome, detail, sum(reports) AS total FROM ledger WHERE {where} GROUP BY ALL
)
GROUP BY site, minute
ORDER BY minute DESC, site
LIMIT {limit:UInt32}
"""


def ledger(client: Client, filters: Filters, limit: int) -> dict[str, Any]:
    """`/api/ledger`: sums of everything, and the newest `limit` minutes of sites."""
    selected = received(filters)
    minutes = ask(client, _ITEMS, selected, limit=limit)
    items = [{"site": site, "time": written(time)} | _account(lines) for site, time, lines in minutes]
    return sums(client, filters) | {"items": items}


def sums(client: Client, filters: Filters) -> dict[str, Any]:
    """The equation's sides. `balanced` holds for every site and minute, not only in sum."""
    selected = received(filters)
    account = _account(ask(client, _SUMS, selected))
    account["balanced"] = ask(client, _UNBALANCED, selected) == [(0,)]
    return account


def _account(lines: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    counted = dict.fromkeys(COUNTED, 0)
    split: dict[str, dict[str, int]] = {name: {} for name in SPLIT}
    for outcome, detail, reports in lines:
        if outcome in counted:
            counted[outcome] += reports
        elif outcome in split:
            split[outcome][detail] = split[outcome].get(detail, 0) + reports
    went = sum(counted.values()) - counted["received"] + sum(sum(found.values()) for found in split.values())
    return {
        **counted,
        **{name: _bounded(found) for name, found in split.items()},
        "balanced": counted["received"] == went,
    }


def _bounded(found: dict[str, int]) -> dict[str, int]:
    """Biggest first; the smallest together, where there are too many."""
    ordered = dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
    if len(ordered) <= MOST_KEYS:
        return ordered
    rest = ordered.pop(OTHER, 0)
    kept = dict(list(ordered.items())[: MOST_KEYS - 1])
    return kept | {OTHER: rest + sum(ordered.values()) - sum(kept.values())}
