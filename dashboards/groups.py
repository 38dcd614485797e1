"""Groups: the violations that differ only in numbers, ids, hashes and positions, biggest first."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, relations
from dashboards.clients import ask
from dashboards.filters import Filters, Where
from dashboards.times import written_ms
from schema import keys

KEY = ("site", "effective_directive", "document_template", "blocked_template", "blocked_kind", "disposition")


class Cursor(NamedTuple):
    """The last group of the page before."""

    reports: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    group: Annotated[str, Meta(pattern="^[0-9]{1,38}$")]


# A group is known by a hash of what makes it: the texts of millions of them would not fit. Two fast ones side by side,
# 126 bits in all, take a third of the time of one that is hard to forge.
_ID = f"bitOr(bitShiftLeft(toUInt128(bitShiftRight(cityHash64({', '.join(KEY)}), 2)), 64), xxh3({', '.join(KEY)}))"
# Step by step: the order needs the counts alone, and all the rest is read for the groups of one page.
_BIGGEST = f"""
SELECT toString(id), total
FROM (SELECT {_ID} AS id, sum(reports) AS total FROM {{rows}} GROUP BY id)
WHERE total > 0 AND (total < {{reports:UInt64}} OR total = {{reports:UInt64}} AND id > toUInt128({{after:String}}))
ORDER BY total DESC, id
LIMIT {{limit:UInt32}}
"""  # noqa: S608  (columns of ours)
_CHOSEN = f"{_ID} IN (SELECT toUInt128(arrayJoin({{these:Array(String)}})))"
_TEXTS = f"""
SELECT toString({_ID}) AS id, {", ".join(f"toString(any({name}))" for name in KEY)}
FROM {{rows}}
WHERE {_CHOSEN}
GROUP BY id
"""  # noqa: S608  (columns of ours)
_MEMBERS = f"""
SELECT toString(id), count(), lower(hex(argMax(fingerprint, (total, fingerprint)))), uniqCombined(12)(page),
    toUnixTimestamp64Milli(min(first)), toUnixTimestamp64Milli(max(last))
FROM (
    SELECT any(of_id) AS id, fingerprint, sum(of_total) AS total, any(of_page) AS page, min(of_first) AS first,
        max(of_last) AS last
    FROM (
        SELECT any({_ID}) AS of_id, fingerprint, sum(reports) AS of_total, any(cityHash64(document_url)) AS of_page,
            min(first_seen) AS of_first, max(last_seen) AS of_last
        FROM {{rows}}
        WHERE {_CHOSEN}
        GROUP BY {", ".join(relations.KEY)}
        {keys.LIVE}
    )
    GROUP BY fingerprint
)
GROUP BY id
"""  # noqa: S608  (columns of ours)
_START = Cursor(2**63 - 1, "0")


def biggest(client: Client, filters: Filters, limit: int, cursor: Cursor | None) -> dict[str, Any]:
    """`/api/groups`. Pages are counted to about 2%; `fingerprint` is of the group's biggest violation."""
    selected = relations.violations(filters)
    after = cursor or _START
    found = ask(client, _BIGGEST, selected, reports=after.reports, after=after.group, limit=limit + 1)
    page = found[:limit]
    more = cursors.written(Cursor(page[-1][1], page[-1][0])) if len(found) > limit else None
    return {"items": _items(client, selected, page), "next": more}


def _items(client: Client, selected: Where, page: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """In the order of `page` (id, reports), whose counts made it."""
    these = [group for group, _ in page]
    if not these:
        return []
    texts = {group: rest for group, *rest in ask(client, _TEXTS, selected, these=these)}
    members = {group: rest for group, *rest in ask(client, _MEMBERS, selected, these=these)}
    return [
        _item(texts[group], reports, members[group]) for group, reports in page if group in texts and group in members
    ]


def _item(texts: list[Any], reports: int, members: list[Any]) -> dict[str, Any]:
    violations, fingerprint, pages, first, last = members
    return dict(zip(KEY, texts, strict=True)) | {
        "reports": reports,
        "violations": violations,
        "pages": pages,
        "first_seen": written_ms(first),
        "last_seen": written_ms(last),
        "fingerprint": fingerprint,
    }
