"""The policies that reports carry: since when a site has each, and what it blocks."""

import re
from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, relations, rows
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters, Where
from schema.source_trust import BLOCKED
from schema.written import written_ms

HASH = re.compile(r"[0-9a-f]{16}")
_MOST_BLOCKED = 50

# The newest first. Times are those of reports, nonces are taken out of the texts.
_LISTED = """
SELECT toString(its_site), policy_hash, toUnixTimestamp64Milli(first) AS since, toUnixTimestamp64Milli(last)
FROM (
    SELECT site AS its_site, policy_hash, min(first_seen) AS first, max(last_seen) AS last
    FROM site_policies
    WHERE {where}
    GROUP BY its_site, policy_hash
)
WHERE since < {after_first:Int64} OR since = {after_first:Int64} AND (its_site, policy_hash)
    > ({after_site:String}, {after_hash:String})
ORDER BY since DESC, its_site, policy_hash
LIMIT {limit:UInt32}
"""
_COUNTED = """
SELECT toString(its_site), policy_hash, sum(counted), sum(more), count()
FROM (
    SELECT site AS its_site, policy_hash, fingerprint, sum(reports) AS counted, sum(left_out) AS more
    FROM {rows}
    GROUP BY its_site, policy_hash, fingerprint
    HAVING counted > 0
)
GROUP BY its_site, policy_hash
"""
_BLOCKED = f"""
SELECT toString(directive), blocked, sum(counted) AS total, sum(more), count()
FROM (
    SELECT any(effective_directive) AS directive, any({BLOCKED}) AS blocked, sum(reports) AS counted,
        sum(left_out) AS more
    FROM {{rows}}
    GROUP BY site, fingerprint
    HAVING counted > 0
)
GROUP BY directive, blocked
ORDER BY total DESC, directive, blocked
LIMIT {_MOST_BLOCKED}
"""  # noqa: S608  (a question of ours)


class Cursor(NamedTuple):
    """The last policy of the page before; `first` in ms."""

    first: Annotated[int, Meta(ge=0, le=2**53)]
    site: str
    hash: str


_START = Cursor(2**53, "", "")


def listed(client: Client, site: str | None, limit: int, cursor: Cursor | None = None) -> dict[str, Any]:
    """`{"items": [...], "next"}`: each policy of each site, the one first seen last before the others."""
    where = Where("site = {site:String}", {"site": site}) if site else Where("1", {})
    place = {f"after_{name}": value for name, value in (cursor or _START)._asdict().items()}
    found = ask(client, _LISTED, where, limit=limit + 1, **place)
    page = found[:limit]
    more = cursors.written(Cursor(page[-1][2], page[-1][0], page[-1][1])) if len(found) > limit else None
    texts = rows.policy_texts(client, {its for _, its, *_ in page})
    counts = _counts(client, site, sorted({its for _, its, *_ in page}))
    return {"items": [_item(one, texts, counts) for one in page], "next": more}


_Counts = dict[tuple[str, str], tuple[Count, int]]  # by site and hash: reports, violations


def _counts(client: Client, site: str | None, hashes: list[str]) -> _Counts:
    if not hashes:
        return {}
    chosen = relations.violations(client, Filters(site=site), "policy_hash IN {hashes:Array(String)}")
    found = ask(client, _COUNTED, chosen, hashes=hashes)
    return {(its, of): (Count(reports, more), many) for its, of, reports, more, many in found}


def _item(one: tuple[Any, ...], texts: dict[str, str], counts: _Counts) -> dict[str, Any]:
    site, its, first, last = one
    counted, violations = counts.get((site, its), _NONE)
    return {
        "site": site,
        "policy_hash": its,
        "original_policy": texts.get(its, ""),
        "first_seen": written_ms(first),
        "last_seen": written_ms(last),
        **counted.fields(),
        "violations": violations,
    }


_NONE = Count(), 0


def one(client: Client, its: str) -> dict[str, Any] | None:
    """A policy: its text, the sites that have it, and what it blocks there, biggest first. None where it is not known.

    `{"policy_hash", "original_policy", "sites": [...], "blocks": [{"directive", "blocked", "reports", "estimated",
    "violations"}]}`.
    """
    if not HASH.fullmatch(its):
        return None
    sites = ask(client, _SITES, Where("policy_hash = {its:String}", {"its": its}))
    if not sites:
        return None
    counts = _counts(client, None, [its])
    chosen = relations.violations(client, Filters(), "policy_hash = {its:String}")
    blocks = ask(client, _BLOCKED, chosen, its=its)
    return {
        "policy_hash": its,
        "original_policy": text(client, its) or "",
        "sites": [
            {
                "site": site,
                "first_seen": written_ms(first),
                "last_seen": written_ms(last),
                **counts.get((site, its), _NONE)[0].fields(),
            }
            for site, first, last in sites
        ],
        "blocks": [
            {"directive": directive, "blocked": blocked, **Count(reports, more).fields(), "violations": violations}
            for directive, blocked, reports, more, violations in blocks
        ],
    }


_SITES = """
SELECT toString(its_site), toUnixTimestamp64Milli(first), toUnixTimestamp64Milli(last)
FROM (
    SELECT site AS its_site, min(first_seen) AS first, max(last_seen) AS last
    FROM site_policies
    WHERE {where}
    GROUP BY its_site
)
ORDER BY first, its_site
LIMIT 1000
"""


def text(client: Client, its: str) -> str | None:
    return rows.policy_texts(client, {its}).get(its) if HASH.fullmatch(its) else None
