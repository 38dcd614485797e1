"""What was refused, as far as it is kept: the newest bodies, for people who want to know why."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors
from dashboards.clients import ask
from schema.reasons import Reason
from schema.written import written_ms

REASONS = tuple(reason.value for reason in Reason)


class Cursor(NamedTuple):
    """The last of the page before; `received` in ms."""

    received: Annotated[int, Meta(ge=0, le=2**53)]
    reason: str
    slot: Annotated[int, Meta(ge=0, le=65535)]


# The keys first, because bodies are long. A key's newest counts, whatever is merged already.
_NEWEST = """
SELECT toUnixTimestamp64Milli(received), toString(site), toString(reason), user_agent, raw, slot
FROM rejects
WHERE (day, reason, slot, received) IN (
    SELECT day, reason, slot, max(received) AS newest
    FROM rejects
    WHERE {reason:String} = '' OR reason = {reason:String}
    GROUP BY day, reason, slot
    HAVING ({site:String} = '' OR argMax(site, received) = {site:String})
        AND (toUnixTimestamp64Milli(newest) < {seen:Int64} OR toUnixTimestamp64Milli(newest) = {seen:Int64}
            AND (reason, slot) > ({after_reason:String}, {after_slot:UInt16}))
    ORDER BY newest DESC, reason, slot
    LIMIT {limit:UInt32}
) AND ({site:String} = '' OR site = {site:String})
ORDER BY received DESC, reason, slot
LIMIT 1 BY day, reason, slot
LIMIT {limit:UInt32}
"""
_NAMES = ("received", "site", "reason", "user_agent", "raw")
_NOW = Cursor(2**53, "", 0)


def newest(client: Client, site: str | None, reason: str | None, limit: int, cursor: Cursor | None) -> dict[str, Any]:
    """`/api/rejects`: newest first; `raw` is at most 2 KiB of the body, without its secrets."""
    after = cursor or _NOW
    place: dict[str, Any] = {"seen": after.received, "after_reason": after.reason, "after_slot": after.slot}
    found = ask(client, _NEWEST, site=site or "", reason=reason or "", limit=limit + 1, **place)
    items = [dict(zip(_NAMES, row[:5], strict=True)) for row in found[:limit]]
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = cursors.written(Cursor(last[0], last[2], last[5]))
    return {"items": [item | {"received": written_ms(item["received"])} for item in items], "next": more}
