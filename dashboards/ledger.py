"""The ledger: what became of every report received, and whether the books balance."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import recent, relations
from dashboards.clients import ask
from dashboards.filters import Filters, received
from dashboards.times import written
from schema.delivery import NONE_STORED, RATE_LIMIT

COUNTED = ("received", "stored", "retried", "sampled", "foreign")
SPLIT = ("ignored", "rejected")  # by type, by reason
MOST_KEYS = 100
OTHER = "other"

# Clients make up types, and a store may hold any number of them: the biggest of an outcome are named, and the rest is
# summed before it leaves the store.
_NAMED = f"""
SELECT *, if(kinds > {MOST_KEYS} AND place >= {MOST_KEYS}, '{OTHER}', detail) AS name
FROM (
    SELECT {{keys}}, detail, sum(reports) AS total{{more}},
        count() OVER (PARTITION BY {{keys}}) AS kinds,
        row_number() OVER (PARTITION BY {{keys}} ORDER BY detail = '{OTHER}', total DESC, detail) AS place
    FROM {{selected}}
    GROUP BY {{keys}}, detail
)
"""  # noqa: S608  (words of ours)
_SUMS = f"""
SELECT outcome, name, sum(total), sum(its_surplus)
FROM ({_NAMED.format(keys="outcome", more=", sum(surplus) AS its_surplus", selected="{rows}")})
GROUP BY outcome, name
"""  # noqa: S608  (ours)
_NEWEST = """(site, minute) IN (
    SELECT site, minute FROM ledger WHERE {where} GROUP BY site, minute ORDER BY minute DESC, site LIMIT {limit:UInt32}
)"""
_ITEMS = f"""
SELECT site, toUnixTimestamp(minute), groupArray((outcome, name, reports))
FROM (
    SELECT site, minute, outcome, name, sum(total) AS reports
    FROM ({_NAMED.format(keys="site, minute, outcome", more="", selected=f"ledger WHERE {_NEWEST}")})
    GROUP BY site, minute, outcome, name
)
GROUP BY site, minute
ORDER BY minute DESC, site
"""  # noqa: S608  (ours)


def ledger(client: Client, filters: Filters, limit: int) -> dict[str, Any]:
    """`/api/ledger`: sums of everything, and the newest `limit` minutes of sites."""
    minutes = _newest(client, filters, limit)
    items = [{"site": site, "time": written(time)} | _account(lines) for site, time, lines in minutes]
    return sums(client, filters).sides | {"items": items}


def _newest(client: Client, filters: Filters, limit: int) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for period in recent.periods(client, filters, "ledger_hours"):
        found = ask(client, _ITEMS, received(period), limit=limit)
        if len(found) == limit:
            break
    return found


class Sums(NamedTuple):
    """`sides` of the equation; `balanced` in it holds for every site and minute, not only in sum.

    `sampled`: how many of these were over their site's rate limit, and how many no estimate has: `sample` was 0.
    """

    sides: dict[str, Any]
    sampled: dict[str, int]


def sums(client: Client, filters: Filters) -> Sums:
    found = ask(client, _SUMS, relations.ledger(client, filters))
    sides = _account((outcome, name, total) for outcome, name, total, _ in found)
    sampled = {name: total for outcome, name, total, _ in found if outcome == "sampled"}
    # A surplus of any minute shows (relations.ledger). The store's Int64 sums wrap, so their sum here is taken modulo
    # 2^64.
    balanced = sum(surplus for *_, surplus in found) % 2**64 == 0
    return Sums(
        sides | {"balanced": balanced},
        {"limited": sampled.get(RATE_LIMIT, 0), "unestimated": sampled.get(NONE_STORED, 0)},
    )


def _account(lines: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    """Types and reasons biggest first."""
    counted = dict.fromkeys(COUNTED, 0)
    split: dict[str, dict[str, int]] = {name: {} for name in SPLIT}
    for outcome, detail, reports in lines:
        if outcome in counted:
            counted[outcome] += reports
        elif outcome in split:
            split[outcome][detail] = reports
    went = sum(counted.values()) - counted["received"] + sum(sum(found.values()) for found in split.values())
    return {
        **counted,
        **{name: dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))) for name, found in split.items()},
        "balanced": counted["received"] == went,
    }
