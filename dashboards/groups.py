"""Groups: the violations that differ only in numbers, ids, hashes and positions, biggest first."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors
from dashboards.clients import ask
from dashboards.filters import Filters, Where, where
from dashboards.times import written_ms

KEY = ("site", "effective_directive", "document_template", "blocked_template", "blocked_kind", "disposition")
_NAMES = (*KEY, "reports", "violations", "pages", "first_seen", "last_seen", "fingerprint")


class Cursor(NamedTuple):
    """The last group of the page before."""

    reports: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    group: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


# A group is known by a hash of what makes it: ten million keys of 16 bytes, where their texts would not fit. Both steps
# of the counting group, so both may spill to disk; texts and pages are read for the groups of one page alone.
_ID = f"sipHash128({', '.join(KEY)})"
_BIGGEST = f"""
SELECT lower(hex(id)), sum(total) AS reports, count(), lower(hex(argMax(fingerprint, (total, fingerprint))))
FROM (
    SELECT {_ID} AS id, fingerprint, sum(reports) AS total
    FROM violations
    WHERE {{where}}
    GROUP BY id, fingerprint
    HAVING total > 0
)
GROUP BY id
HAVING reports < {{reports:UInt64}} OR reports = {{reports:UInt64}} AND id > toFixedString(unhex({{after:String}}), 16)
ORDER BY reports DESC, id
LIMIT {{limit:UInt32}}
"""  # noqa: S608  (columns of ours)
_THESE = f"""
SELECT lower(hex({_ID})) AS id, {", ".join(f"toString(any({name}))" for name in KEY)}, uniqCombined(12)(document_url),
    toUnixTimestamp64Milli(min(first_seen)), toUnixTimestamp64Milli(max(last_seen))
FROM violations
WHERE {{where}} AND {_ID} IN (SELECT toFixedString(unhex(arrayJoin({{these:Array(String)}})), 16))
GROUP BY id
"""  # noqa: S608  (columns of ours)
_START = Cursor(2**63 - 1, "f" * 32)


def biggest(client: Client, filters: Filters, limit: int, cursor: Cursor | None) -> dict[str, Any]:
    """`/api/groups`. Pages are counted to about 2%; `fingerprint` is of the group's biggest violation."""
    selected = where(filters)
    after = cursor or _START
    found = ask(client, _BIGGEST, selected, reports=after.reports, after=after.group, limit=limit + 1)
    page = found[:limit]
    more = cursors.written(Cursor(page[-1][1], page[-1][0])) if len(found) > limit else None
    return {"items": _items(client, selected, page), "next": more}


def _items(client: Client, selected: Where, page: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """In the order of `page` (id, reports, violations, fingerprint), whose counts made it."""
    if not page:
        return []
    texts = {row[0]: row[1:] for row in ask(client, _THESE, selected, these=[row[0] for row in page])}
    return [_item(texts[row[0]], row) for row in page if row[0] in texts]


def _item(texts: tuple[Any, ...], counted: tuple[Any, ...]) -> dict[str, Any]:
    *key, pages, first, last = texts
    _, reports, violations, fingerprint = counted
    values = (*key, reports, violations, pages, written_ms(first), written_ms(last), fingerprint)
    return dict(zip(_NAMES, values, strict=True))
