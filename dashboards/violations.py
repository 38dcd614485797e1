"""The list of violations, newest or biggest first, and one of them with all that is known."""

import re
from typing import Annotated, Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request

from dashboards import cursors, filters, listed, recent, relations, rows, series
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.explain import explanation
from dashboards.filters import Filters, Where, where
from dashboards.listed import Place
from dashboards.query_string import Parameters
from dashboards.times import seconds, window_at
from schema.keys import LIVE
from schema.names import BY_SAMPLE
from schema.violation import WINDOW_SECONDS
from schema.written import written_ms

FINGERPRINT = re.compile(r"[0-9a-f]{32}")


class Cursor(NamedTuple):
    """The last violation of the page before."""

    reports: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class NewestCursor(NamedTuple):
    """The same, of the list that begins with the newest; `last_seen` in ms."""

    last_seen: Annotated[int, Meta(ge=0, le=2**53)]
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


# Two steps, because the texts of ten million rows cost far more to read than their counts.
_BIGGEST = f"""
SELECT lower(hex(key)), total, toString(its_site)
FROM (
    SELECT {relations.ID}, reinterpretAsFixedString(id) AS key, sum(reports) AS total, any(site) AS its_site
    FROM {{rows}}
    GROUP BY id
)
WHERE total > 0
    AND (total < {{reports:UInt64}} OR total = {{reports:UInt64}} AND key > toFixedString(unhex({{after:String}}), 16))
ORDER BY total DESC, key
LIMIT {{limit:UInt32}}
"""  # noqa: S608  (ours)
# What has no reports any more was seen at no time: asked by key, as schema/keys.py says.
_LIVE = f"""
    SELECT site, fingerprint, policy_hash, sum(reports) AS of_reports, sum(left_out) AS of_left_out,
        max(last_seen) AS of_last_seen
    FROM {{rows}}
    GROUP BY {", ".join(relations.KEY)}
    {LIVE}
"""  # noqa: S608  (columns of ours)
_NEWEST = f"""
SELECT lower(hex(fingerprint)), toUnixTimestamp64Milli(max(of_last_seen)), toString(any(site))
FROM ({_LIVE})
GROUP BY fingerprint
HAVING toUnixTimestamp64Milli(max(of_last_seen)) < {{seen:Int64}}
    OR toUnixTimestamp64Milli(max(of_last_seen)) = {{seen:Int64}}
        AND fingerprint > toFixedString(unhex({{after:String}}), 16)
ORDER BY max(of_last_seen) DESC, fingerprint
LIMIT {{limit:UInt32}}
"""  # noqa: S608  (ours)
_START = Cursor(2**63 - 1, "f" * 32)
_NOW = NewestCursor(2**52, "f" * 32)


def biggest(
    client: Client, filters: Filters, limit: int, cursor: Cursor | None, fields: tuple[str, ...]
) -> dict[str, Any]:
    """`/api/violations`."""
    selected = relations.violations(client, filters)
    after = cursor or _START
    found = ask(
        client, _BIGGEST, selected, reports=after.reports, after=after.fingerprint, limit=limit + 1
    )  # one more says whether there is a next page
    page = found[:limit]
    more = cursors.written(Cursor(page[-1][1], page[-1][0])) if len(found) > limit else None
    places = [Place(key, site, reports) for key, reports, site in page]
    return {"items": listed.items(client, filters, places, fields), "next": more}


def newest(
    client: Client, filters: Filters, limit: int, cursor: NewestCursor | None, fields: tuple[str, ...]
) -> dict[str, Any]:
    """Those seen last."""
    after = cursor or _NOW
    until = cursor and cursor.last_seen // 1000 + WINDOW_SECONDS
    found: list[tuple[Any, ...]] = []
    for period in recent.periods(client, filters, "hours", until):
        selected = relations.violations(client, period)
        found = ask(client, _NEWEST, selected, limit=limit + 1, seen=after.last_seen, after=after.fingerprint)
        # What is older than its start was seen before all of these.
        if len(found) > limit and found[-1][1] >= (period.start or 0) * 1000:
            break
    page = found[:limit]
    more = cursors.written(NewestCursor(page[-1][1], page[-1][0])) if len(found) > limit else None
    places = [Place(key, site) for key, _, site in page]
    return {"items": listed.items(client, filters, places, fields), "next": more}


_POLICIES = f"""
SELECT policy_hash, sum(of_reports), sum(of_left_out), toUnixTimestamp64Milli(max(of_last_seen))
FROM ({_LIVE})
GROUP BY policy_hash
ORDER BY sum(of_reports) DESC, policy_hash
LIMIT 100
"""  # noqa: S608  (ours)
# The same violation in other browsers: the fingerprint differs, all else that makes it does not. Of its own rows the
# samples may differ in numbers, which are no part of it (processor/samples.py).
_BROWSERS = """
SELECT any(browser), any(browser_version), lower(hex(fingerprint)), sum(reports), sum(left_out)
FROM {rows}
GROUP BY fingerprint
HAVING sum(reports) > 0
ORDER BY sum(reports) DESC, fingerprint
LIMIT 100
"""
_ALIKE = """site = {its_site:String} AND document_url = {its_document:String}
    AND effective_directive = {its_directive:String} AND blocked_url = {its_blocked:String}
    AND source_file = {its_source:String} AND line_number = {its_line:UInt32} AND column_number = {its_column:UInt32}
    AND disposition = {its_disposition:String}
    AND (blocked_kind NOT IN {by_sample:Array(String)} OR sample = {its_sample:String}
        OR fingerprint = toFixedString(unhex({its_fingerprint:String}), 16))"""
_SITE_OF = "SELECT toString(site) FROM {rows} LIMIT 1"
_EXAMPLE = "SELECT argMax(raw, seen) FROM examples WHERE {where} GROUP BY site, fingerprint"


def one(client: Client, filters: Filters, fingerprint: str) -> dict[str, Any] | None:
    """`/api/violations/{fingerprint}`; None where there is none in the period."""
    its_site = ask(client, _SITE_OF, relations.violations(client, filters, _ONLY), only=fingerprint)
    found = listed.items(client, filters, [Place(fingerprint, site) for (site,) in its_site], rows.FIELDS)
    if not found:
        return None
    item = found[0]
    # Its site and first window are the begin of the key.
    first = seconds(item["window"])
    its = _only(where(msgspec.structs.replace(filters, site=item["site"], start=first)), fingerprint)
    item["series"] = series.of_one(client, its, window_at(seconds(item["last_seen"])) - first)
    reports = sum(point["reports"] for point in item["series"]["items"])
    item |= {"reports": reports, "estimated": item["estimated"] + reports - item["reports"]}
    item["browsers"] = _browsers(client, filters, item)
    item["policies"] = _policies(client, relations.violations(client, filters, _ONLY), fingerprint)
    item["verdict_explained"] = explanation(item)
    example = ask(client, _EXAMPLE, _only(Where("1", {}), fingerprint))
    item["example"] = example[0][0] if example else None
    return item


_ONLY = "fingerprint = toFixedString(unhex({only:String}), 16)"


def at_address(client: Client, request: Request, given: Parameters) -> dict[str, Any]:
    """The violation the address names. Raises HTTPException (404)."""
    asked = filters.read(given)
    fingerprint = request.path_params["fingerprint"].lower()
    found = None
    if FINGERPRINT.fullmatch(fingerprint):
        found = one(client, asked, fingerprint)
    if found is None:
        raise HTTPException(404, "No violation has this fingerprint, or none in this period and with these filters.")
    return found


def _only(selected: Where, fingerprint: str) -> Where:
    return Where(f"{selected.sql} AND {_ONLY}", selected.values | {"only": fingerprint})


def _browsers(client: Client, filters: Filters, item: dict[str, Any]) -> list[dict[str, Any]]:
    its = {
        "its_site": "site", "its_document": "document_url", "its_directive": "effective_directive",
        "its_blocked": "blocked_url", "its_source": "source_file", "its_line": "line_number",
        "its_column": "column_number", "its_disposition": "disposition", "its_sample": "sample",
        "its_fingerprint": "fingerprint",
    }  # fmt: skip
    values = {name: item[field] for name, field in its.items()}
    selected = relations.violations(client, filters, _ALIKE)
    found = ask(client, _BROWSERS, selected, by_sample=list(BY_SAMPLE), **values)
    return [
        {"browser": browser, "browser_version": version, "fingerprint": fingerprint, **Count(*counted).fields()}
        for browser, version, fingerprint, *counted in found
    ]


def _policies(client: Client, its: Where, fingerprint: str) -> list[dict[str, Any]]:
    found = ask(client, _POLICIES, its, only=fingerprint)
    texts = rows.policy_texts(client, {row[0] for row in found})
    return [
        {
            "policy_hash": key,
            "original_policy": texts.get(key, ""),
            **Count(*counted).fields(),
            "last_seen": written_ms(last),
        }
        for key, *counted, last in found
    ]
