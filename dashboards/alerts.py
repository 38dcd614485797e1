"""Alerts: what was found new, and what became of the messages about it."""

from typing import Annotated, Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, filters
from dashboards.clients import ask
from dashboards.parameters import Choice
from dashboards.query_string import Parameters
from schema.names import ALERT_KINDS, EVIDENCE_TIMES
from schema.written import written_ms

KINDS = ALERT_KINDS

# The keys first, because evidence is long. Two processes may have written one event down. What has no title was told in
# one event with others (alerts/policies.py).
_NEWEST = """
SELECT DISTINCT toUnixTimestamp64Milli(recorded) AS at, id
FROM alert_events
WHERE title != '' AND ({kind:String} = '' OR kind = {kind:String}) AND ({site:String} = '' OR site = {site:String})
    AND (at < {after_recorded:Int64} OR at = {after_recorded:Int64} AND id < {after_id:String})
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
"""
_THESE = """
SELECT id, toString(kind), toString(site), toString(effective_directive), blocked, toUnixTimestamp64Milli(time),
    toUnixTimestamp64Milli(due), title, evidence, length(channels)
FROM alert_events
WHERE id IN {ids:Array(String)} AND recorded >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
LIMIT 1 BY id
"""
_MESSAGES = """
SELECT arrayIntersect(events, {ids:Array(String)}) AS its, channel_name, toString(state), attempts, error,
    toUnixTimestamp64Milli(attempted), toUnixTimestamp64Milli(due), id
FROM (
    SELECT * FROM alert_messages
    WHERE made >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
    ORDER BY seq, attempts DESC
    LIMIT 1 BY seq
)
WHERE notEmpty(its)
ORDER BY channel_name, seq
"""


class Cursor(NamedTuple):
    """The last event of the page before; `recorded` in ms."""

    recorded: Annotated[int, Meta(ge=0, le=2**53)]
    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


KIND = Choice("kind", ("", *KINDS), "What was found; empty: any.")


def chosen(given: Parameters) -> tuple[str, str]:
    """Kind and site; empty where any will do. Raises BadParameter."""
    site = filters.site(given) or ""
    return KIND.read(given) or "", site


def newest(client: Client, kind: str, site: str, limit: int, cursor: Cursor | None) -> dict[str, Any]:
    """`/api/alerts`: newest first. `messages` is empty where nobody is told, or not yet (`due`)."""
    after = cursor or Cursor(2**53, "f" * 32)
    found = ask(client, _NEWEST, kind=kind, site=site, limit=limit + 1,
                after_recorded=after.recorded, after_id=after.id)  # fmt: skip
    page = found[:limit]
    more = cursors.written(Cursor(*page[-1])) if len(found) > limit else None
    if not page:
        return {"items": [], "next": None}
    these = {"ids": list(dict.fromkeys(its_id for _, its_id in page)), "oldest": page[-1][0]}
    messages = _messages(client, these)
    items = {row[0]: _item(row, messages.get(row[0], [])) for row in ask(client, _THESE, **these)}
    return {"items": [items[its_id] for its_id in these["ids"] if its_id in items], "next": more}


def _messages(client: Client, these: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By event."""
    by_event: dict[str, list[dict[str, Any]]] = {}
    for events, channel, state, attempts, error, attempted, due, its_id in ask(client, _MESSAGES, **these):
        message = {
            "id": its_id,
            "channel": channel,
            "state": state,
            "attempts": attempts,
            "last_error": error or None,
            "sent_at": written_ms(attempted) if state == "sent" else None,
            "next_attempt": written_ms(due) if state == "due" else None,
        }
        for event in events:
            by_event.setdefault(event, []).append(message)
    return by_event


def _item(row: tuple[Any, ...], messages: list[dict[str, Any]]) -> dict[str, Any]:
    its_id, kind, site, directive, blocked, time, due, title, evidence, channels = row
    known = msgspec.json.decode(evidence)
    return {
        "id": its_id,
        "kind": kind,
        "site": site,
        "directive": directive,
        "blocked": blocked,
        "time": written_ms(time),
        "title": title,
        "evidence": {name: written_ms(value) if name in EVIDENCE_TIMES else value for name, value in known.items()},
        "due": written_ms(due) if channels and not messages else None,
        "messages": messages,
    }
