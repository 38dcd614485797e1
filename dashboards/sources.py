"""Violation sources: what was blocked on a site by which directive, since when, and what people decided about it."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, source_trust
from dashboards.clients import ask
from dashboards.filters import Filters, where
from dashboards.times import written_ms
from schema.violation import LEAST_TRUST

STATES = ("new", "known", "ignored")

# A host blocked as several kinds has the first of them by name: to find the newest would take twice the time.
_COUNTED = f"""
SELECT site, effective_directive, if(blocked_host = '', blocked_kind, blocked_host) AS blocked,
    min(toString(blocked_kind)) AS kind, min(first_seen) AS first, max(last_seen) AS last,
    sum(reports) AS total, uniqCombined(12)(document_url) AS on_pages, {source_trust.COUNTED}
FROM violations
WHERE {{where}}
GROUP BY site, effective_directive, blocked
"""  # noqa: S608  (a question of ours)
_SOURCES = f"""
SELECT toString(site), toString(effective_directive), toString(blocked), kind, toUnixTimestamp64Milli(first) AS since,
    toUnixTimestamp64Milli(last), total, on_pages, majors, if(decided = '', 'new', decided) AS state, score,
    vouched, taken, flood, random, narrow, score >= {LEAST_TRUST} AS trusted
FROM (SELECT *, {source_trust.JUDGED} FROM ({_COUNTED})) AS found
LEFT JOIN (
    SELECT site, effective_directive, blocked, argMax(toString(state), changed) AS decided
    FROM source_states
    GROUP BY site, effective_directive, blocked
) AS decisions USING (site, effective_directive, blocked)
WHERE ({{state:String}} = '' OR state = {{state:String}}) AND score >= {{least:UInt8}}
    AND (trusted < {{after_trusted:UInt8}} OR trusted = {{after_trusted:UInt8}}
        AND (since < {{after_first:Int64}} OR since = {{after_first:Int64}} AND (site, effective_directive, blocked)
            > ({{after_site:String}}, {{after_directive:String}}, {{after_blocked:String}})))
ORDER BY trusted DESC, since DESC, site, effective_directive, blocked
LIMIT {{limit:UInt32}}
"""  # noqa: S608  (a question of ours)
_NAMES = (
    "site", "directive", "blocked", "blocked_kind", "first_seen", "last_seen", "reports", "pages", "browsers", "state",
    "trust",
)  # fmt: skip


class Cursor(NamedTuple):
    """The last source of the page before; `first` in ms."""

    trusted: Annotated[int, Meta(ge=0, le=1)]
    first: Annotated[int, Meta(ge=0, le=2**53)]
    site: str
    directive: str
    blocked: str


_START = Cursor(1, 2**53, "", "", "")


def sources(
    client: Client, filters: Filters, state: str, limit: int, cursor: Cursor | None, least: int = 0
) -> dict[str, Any]:
    """`/api/sources`: the trusted ones first, then the newest; `state` may be empty: any; `least` is of their trust.

    Everything is of the violations that are retained and that the filters choose, `first_seen` and `reports` too: so a
    narrower question never has an earlier source, and the reports add up to the totals. Only floods are looked for in
    all reports. Pages are counted to about 2%, at most 64 browsers and versions named.
    """
    place = {f"after_{name}": value for name, value in (cursor or _START)._asdict().items()}
    asked = {"state": state, "least": least, "limit": limit + 1, "within": filters.site or ""}
    found = ask(client, _SOURCES, where(filters), **asked, **place)
    page = found[:limit]
    more = None
    if len(found) > limit:
        site, directive, blocked, _kind, first = page[-1][:5]
        more = cursors.written(Cursor(page[-1][-1], first, site, directive, blocked))
    return {"items": [_item(row) for row in page], "next": more}


def alertable(client: Client, filters: Filters, limit: int, cursor: Cursor | None = None) -> dict[str, Any]:
    """The new sources that may raise an alert or feed a suggestion: what is worth little can't, by itself."""
    return sources(client, filters, "new", limit, cursor, LEAST_TRUST)


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    known = len(_NAMES)
    found = dict(zip(_NAMES, row[:known], strict=True))
    found["browsers"] = sorted({major[1:].rpartition("/")[0] for major in found["browsers"]})
    found["trust_reasons"] = source_trust.reasons(*row[known:-1])
    found["trusted"] = bool(row[-1])
    return found | {name: written_ms(found[name]) for name in ("first_seen", "last_seen")}
