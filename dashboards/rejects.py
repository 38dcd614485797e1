"""What was refused, as far as it is kept: the newest bodies, for people who want to know why."""

from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.filters import Where
from dashboards.times import written_ms
from schema.reasons import Reason

REASONS = tuple(reason.value for reason in Reason)

# The keys first, because bodies are long. A key's newest counts, whatever is merged already.
_NEWEST = """
SELECT toUnixTimestamp64Milli(received), toString(site), toString(reason), user_agent, raw
FROM rejects
WHERE (day, reason, slot, received) IN (
    SELECT day, reason, slot, max(received) AS newest
    FROM rejects
    WHERE {reason:String} = '' OR reason = {reason:String}
    GROUP BY day, reason, slot
    HAVING {site:String} = '' OR argMax(site, received) = {site:String}
    ORDER BY newest DESC, reason, slot
    LIMIT {limit:UInt32}
) AND ({site:String} = '' OR site = {site:String})
ORDER BY received DESC, reason, slot
LIMIT 1 BY day, reason, slot
LIMIT {limit:UInt32}
"""
_NAMES = ("received", "site", "reason", "user_agent", "raw")


def newest(client: Client, site: str | None, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Newest first; `raw` is at most 2 KiB of the body, without its secrets."""
    found = ask(client, _NEWEST, Where("", {}), site=site or "", reason=reason or "", limit=limit)
    items = [dict(zip(_NAMES, row, strict=True)) for row in found]
    return [item | {"received": written_ms(item["received"])} for item in items]
