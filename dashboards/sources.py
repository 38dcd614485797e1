"""Violation sources: what was blocked on a site by which directive, since when, and what people decided about it."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors
from dashboards.clients import ask
from dashboards.filters import Filters, where
from dashboards.times import written_ms

STATES = ("new", "known", "ignored")

# A host blocked as several kinds has the first of them by name: to find the newest would take twice the time.
_COUNTED = """
SELECT site, effective_directive, if(blocked_host = '', blocked_kind, blocked_host) AS blocked,
    min(toString(blocked_kind)) AS kind, min(first_seen) AS first, max(last_seen) AS last,
    sum(reports) AS total, uniqCombined(12)(document_url) AS on_pages,
    arraySort(groupUniqArray(32)(toString(browser))) AS in_browsers
FROM violations
WHERE {where}
GROUP BY site, effective_directive, blocked
HAVING total > 0
"""
_SOURCES = f"""
SELECT toString(site), toString(effective_directive), toString(blocked), kind, toUnixTimestamp64Milli(first) AS since,
    toUnixTimestamp64Milli(last), total, on_pages, in_browsers, if(decided = '', 'new', decided) AS state
FROM ({_COUNTED}) AS found
LEFT JOIN (
    SELECT site, effective_directive, blocked, argMax(toString(state), changed) AS decided
    FROM source_states
    GROUP BY site, effective_directive, blocked
) AS decisions USING (site, effective_directive, blocked)
WHERE ({{state:String}} = '' OR state = {{state:String}})
    AND (since < {{after_first:Int64}} OR since = {{after_first:Int64}} AND (site, effective_directive, blocked)
        > ({{after_site:String}}, {{after_directive:String}}, {{after_blocked:String}}))
ORDER BY since DESC, site, effective_directive, blocked
LIMIT {{limit:UInt32}}
"""  # noqa: S608  (a question of ours)
_NAMES = (
    "site", "directive", "blocked", "blocked_kind", "first_seen", "last_seen", "reports", "pages", "browsers", "state",
)  # fmt: skip


class Cursor(NamedTuple):
    """The last source of the page before; `first` in ms."""

    first: Annotated[int, Meta(ge=0, le=2**53)]
    site: str
    directive: str
    blocked: str


_START = Cursor(2**53, "", "", "")


def sources(client: Client, filters: Filters, state: str, limit: int, cursor: Cursor | None) -> dict[str, Any]:
    """`/api/sources`, newest first; `state` may be empty: any.

    Everything is of the violations that are retained and that the filters choose, `first_seen` and `reports` too: so a
    narrower question never has an earlier source, and the reports add up to the totals. Pages are counted to about 2%,
    at most 32 browsers named.
    """
    place = {f"after_{name}": value for name, value in (cursor or _START)._asdict().items()}
    found = ask(client, _SOURCES, where(filters), state=state, limit=limit + 1, **place)
    page = found[:limit]
    more = None
    if len(found) > limit:
        site, directive, blocked, _kind, first = page[-1][:5]
        more = cursors.written(Cursor(first, site, directive, blocked))
    return {"items": [_item(row) for row in page], "next": more}


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    found = dict(zip(_NAMES, row, strict=True))
    return found | {name: written_ms(found[name]) for name in ("first_seen", "last_seen")}
