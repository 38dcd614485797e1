"""Violation sources: what was blocked on a site by which directive, since when, and what people decided about it."""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, relations, source_trust
from dashboards.clients import ask
from dashboards.filters import Filters
from dashboards.times import written_ms
from schema.keys import LIVE
from schema.violation import LEAST_TRUST

STATES = ("new", "known", "ignored")

# Two steps, because a flood makes a million sources: what a page needs of each is counted for those on the page.
_COUNTED = f"""
SELECT sipHash128(of_site, of_directive, of_blocked) AS source, any(of_site) AS its_site,
    any(of_directive) AS its_directive, any(of_blocked) AS its_blocked, min(began) AS first,
    {source_trust.COUNTED}
FROM ({source_trust.ROWS})
GROUP BY source
"""  # noqa: S608  (a question of ours)
_RANKED = f"""
SELECT toString(its_site), toString(its_directive), toString(its_blocked), toUnixTimestamp64Milli(first) AS since,
    total, if(decided = '', 'new', decided) AS state,
    score, score >= {LEAST_TRUST} AS trusted, vouched, flood, random, narrow
FROM (SELECT *, {{judged}} FROM ({_COUNTED})) AS found
LEFT JOIN (
    SELECT {source_trust.SOURCE} AS source, argMax(toString(state), changed) AS decided
    FROM source_states
    GROUP BY source
) AS decisions USING (source)
WHERE ({{state:String}} = '' OR state = {{state:String}}) AND score >= {{least:UInt8}}
    AND (trusted < {{after_trusted:UInt8}} OR trusted = {{after_trusted:UInt8}}
        AND (since < {{after_first:Int64}} OR since = {{after_first:Int64}} AND (its_site, its_directive, its_blocked)
            > ({{after_site:String}}, {{after_directive:String}}, {{after_blocked:String}})))
ORDER BY trusted DESC, since DESC, its_site, its_directive, its_blocked
LIMIT {{limit:UInt32}}
"""  # noqa: S608
# A host blocked as several kinds has the first of them by name: to find the newest would take twice the time.
_THESE = f"""
SELECT toString(of_site) AS its_site, toString(of_directive) AS its_directive, of_blocked, min(of_kind),
    toUnixTimestamp64Milli(max(ended)), uniqCombined(12)(page), arraySort(groupUniqArray(32)(its_browser)),
    {source_trust.TAKEN}
FROM (
    SELECT site AS of_site, any(effective_directive) AS of_directive, any({source_trust.BLOCKED}) AS of_blocked,
        any(toString(blocked_kind)) AS of_kind, max(last_seen) AS ended, any(document_url) AS page,
        any(toString(browser)) AS its_browser, max(trust) AS best, {relations.of_key("trust_reasons")} AS reasons
    FROM {{rows}}
    WHERE site IN {{sites:Array(String)}} AND {source_trust.BLOCKED} IN {{hosts:Array(String)}}
    GROUP BY {", ".join(relations.KEY)}
    {LIVE}
)
GROUP BY its_site, its_directive, of_blocked
"""  # noqa: S608


class _Ranked(NamedTuple):
    """A row of the first step."""

    site: str
    directive: str
    blocked: str
    first: int  # ms
    reports: int
    state: str
    trust: int
    trusted: int
    vouched: int
    flood: int
    random: int
    narrow: int


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
    all reports. Pages are counted to about 2%, at most 32 browsers named.
    """
    its = source_trust.floods(client, filters)
    place = {f"after_{name}": value for name, value in (cursor or _START)._asdict().items()}
    question = _RANKED.replace("{judged}", source_trust.judged(its))
    asked = {"state": state, "least": least, "limit": limit + 1, **its._asdict()}
    found = [_Ranked(*row) for row in ask(client, question, relations.violations(filters), **asked, **place)]
    page = found[:limit]
    more = None
    if len(found) > limit:
        last = page[-1]
        more = cursors.written(Cursor(last.trusted, last.first, last.site, last.directive, last.blocked))
    return {"items": _items(client, filters, page), "next": more}


def _items(client: Client, filters: Filters, page: list[_Ranked]) -> list[dict[str, Any]]:
    if not page:
        return []
    names = {"sites": sorted({one.site for one in page}), "hosts": sorted({one.blocked for one in page})}
    known = {row[:3]: row[3:] for row in ask(client, _THESE, relations.violations(filters), **names)}
    return [_item(one, *known[one[:3]]) for one in page if one[:3] in known]


def _item(one: _Ranked, kind: str, last: int, pages: int, browsers: list[str], taken: list[str]) -> dict[str, Any]:
    return {
        "site": one.site,
        "directive": one.directive,
        "blocked": one.blocked,
        "blocked_kind": kind,
        "first_seen": written_ms(one.first),
        "last_seen": written_ms(last),
        "reports": one.reports,
        "pages": pages,
        "browsers": browsers,
        "state": one.state,
        "trust": one.trust,
        "trust_reasons": source_trust.reasons(taken, one.vouched, one.flood, one.random, one.narrow),
        "trusted": bool(one.trusted),
    }
