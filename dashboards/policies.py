"""Stand-in."""
from typing import Any

from dashboards import rows
from dashboards.clients import ask
from dashboards.filters import Where
from dashboards.times import written_ms


def listed(client: Any, site: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    found = ask(client, "SELECT toString(any(site)), policy_hash, toUnixTimestamp64Milli(min(first_seen)), toUnixTimestamp64Milli(max(last_seen)), sum(reports), uniqExact(fingerprint) FROM weeks WHERE {site:String} = '' OR site = {site:String} GROUP BY site, policy_hash ORDER BY 4 DESC LIMIT {limit:UInt32}", Where("", {}), site=site or "", limit=limit)
    texts = rows.policies(client, {row[1] for row in found})
    return {"items": [{"site": r[0], "policy_hash": r[1], "original_policy": texts.get(r[1], ""), "first_seen": written_ms(r[2]), "last_seen": written_ms(r[3]), "reports": r[4], "violations": r[5]} for r in found], "next": None}


def one(client: Any, policy_hash: str) -> dict[str, Any] | None:
    text = rows.policies(client, {policy_hash}).get(policy_hash)
    if text is None:
        return None
    found = ask(client, "SELECT toString(site), toUnixTimestamp64Milli(min(first_seen)), toUnixTimestamp64Milli(max(last_seen)), sum(reports) FROM weeks WHERE policy_hash = {hash:String} GROUP BY site", Where("", {}), hash=policy_hash)
    blocks = ask(client, "SELECT toString(any(effective_directive)), any(if(blocked_host = '', blocked_kind, blocked_host)) AS b, sum(reports), uniqExact(fingerprint) FROM weeks WHERE policy_hash = {hash:String} GROUP BY effective_directive, blocked_host, blocked_kind ORDER BY 3 DESC LIMIT 20", Where("", {}), hash=policy_hash)
    return {"policy_hash": policy_hash, "original_policy": text, "sites": [{"site": r[0], "first_seen": written_ms(r[1]), "last_seen": written_ms(r[2]), "reports": r[3]} for r in found], "blocks": [dict(zip(("directive", "blocked", "reports", "violations"), r)) for r in blocks]}


def text(client: Any, policy_hash: str) -> str | None:
    return rows.policies(client, {policy_hash}).get(policy_hash)
