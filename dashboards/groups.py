"""Groups: the violations that differ only in numbers, ids, hashes and positions, biggest first."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, listed, relations
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters, Where
from schema import keys
from schema.written import written_ms

KEY = relations.GROUP


class Cursor(NamedTuple):
    """The last group of the page before."""

    reports: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    group: Annotated[str, Meta(pattern="^[0-9]{1,38}$")]


# Step by step: the order needs the counts alone, and all the rest is read for the groups of one page.
_BIGGEST = """
SELECT toString(id), total, more
FROM (SELECT group_id AS id, sum(reports) AS total, sum(left_out) AS more FROM {rows} GROUP BY id)
WHERE total > 0 AND (total < {reports:UInt64} OR total = {reports:UInt64} AND id > toUInt128({after:String}))
ORDER BY total DESC, id
LIMIT {limit:UInt32}
"""
_CHOSEN = "group_id IN (SELECT toUInt128(arrayJoin({these:Array(String)})))"
# For groups whose biggest violation `weeks` doesn't know, being in a gap of the roll-ups (0009).
_TEXTS = f"""
SELECT toString(group_id), {", ".join(f"toString(any({name}))" for name in KEY)}
FROM {{rows}}
WHERE {_CHOSEN}
GROUP BY group_id
"""  # noqa: S608  (columns of ours)
_MEMBERS = f"""
SELECT toString(id), count(), argMax((lower(hex(fingerprint)), toString(its_site), toUnixTimestamp(its_bucket)),
    (total, fingerprint)), uniqCombined(12)(page), toUnixTimestamp64Milli(min(first)), toUnixTimestamp64Milli(max(last))
FROM (
    SELECT any(of_id) AS id, fingerprint, any(of_site) AS its_site, max(of_bucket) AS its_bucket,
        sum(of_total) AS total, any(of_page) AS page, min(of_first) AS first, max(of_last) AS last
    FROM (
        SELECT any(group_id) AS of_id, fingerprint, any(site) AS of_site, any(bucket) AS of_bucket,
            sum(reports) AS of_total, any(cityHash64(document_url)) AS of_page, min(first_seen) AS of_first,
            max(last_seen) AS of_last
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
    selected = relations.grouped(client, filters)
    after = cursor or _START
    found = ask(client, _BIGGEST, selected, reports=after.reports, after=after.group, limit=limit + 1)
    page = found[:limit]
    more = cursors.written(Cursor(page[-1][1], page[-1][0])) if len(found) > limit else None
    return {"items": _items(client, selected, page), "next": more}


def _items(client: Client, selected: Where, page: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """In the order of `page` (id, reports, what was left out), whose counts made it."""
    these = [group for group, *_ in page]
    if not these:
        return []
    members = {group: rest for group, *rest in ask(client, _MEMBERS, selected, these=these)}
    texts = _texts(client, selected, members)
    return [
        _item(texts[group], Count(*counted), members[group])
        for group, *counted in page
        if group in texts and group in members
    ]


def _texts(client: Client, selected: Where, members: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """By group, of its biggest violation: one row of the store instead of all that the group has."""
    places = {group: (site, bucket, key) for group, (_, (key, site, bucket), *_) in members.items()}
    known = listed.of_weeks(client, list(places.values()), KEY[1:])
    found = {group: {"site": site} | known[key] for group, (site, _, key) in places.items() if key in known}
    lacking = sorted(members.keys() - found.keys())
    if lacking:
        rest = ask(client, _TEXTS, selected, these=lacking)
        found |= {group: dict(zip(KEY, texts, strict=True)) for group, *texts in rest}
    return found


def _item(texts: dict[str, Any], counted: Count, members: list[Any]) -> dict[str, Any]:
    violations, (fingerprint, _, _), pages, first, last = members
    return texts | {
        **counted.fields(),
        "violations": violations,
        "pages": pages,
        "first_seen": written_ms(first),
        "last_seen": written_ms(last),
        "fingerprint": fingerprint,
    }
