"""Violation sources: what was blocked on a site by which directive, since when, and what people decided about it.

Two ways to the same answer. What the table `sources` knows is asked there: it has a row a source, where a flood's
million of them would be read from ten million violations. A period, a browser or a URL is asked of the violations.
"""

from typing import Annotated, Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors, source_details, source_filters
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters, Where
from dashboards.source_details import NOTHING, Details
from dashboards.source_filters import Asked, Key
from dashboards.times import LAST_SECOND
from schema import source_trust
from schema.source_states import LAST_STATE
from schema.source_trust import QUICK_SOURCE, Floods
from schema.written import written_ms

_DECISIONS = f"""
    SELECT site AS its_site, effective_directive AS its_directive, blocked AS its_blocked,
        {LAST_STATE} AS decided, argMax(note, changed) AS its_note, argMax(who, changed) AS its_who,
        max(changed) AS changed_at
    FROM source_states
    GROUP BY its_site, its_directive, its_blocked
"""  # noqa: S608  (ours)
_RANKED = """
SELECT toString(its_site), toString(its_directive), toString(its_blocked), toString(kind),
    toUnixTimestamp64Milli(first) AS since, toUnixTimestamp64Milli(last), total, more, own = 0,
    if(decided = '', 'new', decided) AS state, its_note, its_who, toUnixTimestamp64Milli(changed_at),
    score, trusted, has_sound, flood, random, narrow
FROM (SELECT *, {judged} FROM {rows}) AS found
LEFT JOIN ({decisions}) AS decisions USING (its_site, its_directive, its_blocked)
WHERE ({state:String} = '' OR state = {state:String}) AND score >= {least:UInt8}
    AND (trusted < {after_trusted:UInt8} OR trusted = {after_trusted:UInt8}
        AND (since < {after_first:Int64} OR since = {after_first:Int64} AND (its_site, its_directive, its_blocked)
            > ({after_site:String}, {after_directive:String}, {after_blocked:String})))
ORDER BY trusted DESC, since DESC, its_site, its_directive, its_blocked
LIMIT {limit:UInt32}
""".replace("{decisions}", _DECISIONS)


class Source(NamedTuple):
    """A row of it; times in ms."""

    site: str
    directive: str
    blocked: str
    kind: str  # of several the first by name
    first: int
    last: int
    reports: int
    left_out: float
    is_noise: int
    state: str
    note: str
    who: str
    changed: int
    trust: int
    trusted: int
    has_sound: int
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

    Of a period, a browser, a page or a URL: of the violations that are retained and that the filters choose, so the
    reports add up to the totals. Else since the source is known, which may be longer than its violations are retained.
    A narrower question never has an earlier source. Only floods are looked for in all reports.
    """
    if source_filters.are_known(filters):
        return listed(client, source_filters.asked(filters, state, least), limit, cursor)
    wanted = _Wanted(state, least, limit, cursor or _START, source_trust.floods(client, filters.site or ""))
    found = _found(client, source_filters.of_violations(client, filters), wanted)
    return _page(client, filters, found, limit)


def listed(client: Client, asked: Asked, limit: int, cursor: Cursor | None = None) -> dict[str, Any]:
    """What `sources` knows: `{"items", "next"}`, the trusted ones first, then the newest."""
    floods = source_trust.floods(client, asked.site or "")
    wanted = _Wanted(asked.state, asked.least, limit, cursor or _START, floods)
    filters = Filters(site=asked.site, directive=asked.directive, noise=asked.noise)
    return _page(client, filters, _newest(client, asked, wanted), limit)


class _Wanted(NamedTuple):
    state: str
    least: int
    limit: int
    after: Cursor
    floods: Floods


_NEWEST = 2000  # sources for some pages, and few to judge
_NTH = f"""
SELECT toUnixTimestamp(its_first)
FROM (SELECT min(first) AS its_first FROM {{rows}} WHERE {{where}} GROUP BY {QUICK_SOURCE})
ORDER BY its_first DESC
LIMIT 1 OFFSET {{nth:UInt32}}
"""  # noqa: S608  (ours)


def _newest(client: Client, asked: Asked, wanted: _Wanted) -> list[Source]:
    """Mostly a page is among those that were first seen last: to judge only these takes a third of the time of all
    140,000. It is, if it is full of trusted ones: others that are trusted are older than these, and those that are not
    trusted come after all that are.
    """
    floods, after = wanted.floods, wanted.after
    if after.trusted and wanted.state in {"", "new"} and asked.since is None and not floods.on:
        some = asked._replace(until=min(asked.until or LAST_SECOND, after.first // 1000 + 1))
        found = ask(client, _NTH, source_filters.of_rows(some), nth=_NEWEST)
        if found:
            some = some._replace(since=found[0][0])
            newest = _found(client, source_filters.of_sources(some, floods), wanted)
            if len(newest) > wanted.limit and newest[-1].trusted:
                return newest
    return _found(client, source_filters.of_sources(asked, floods), wanted)


def _found(client: Client, rows: Where, wanted: _Wanted) -> list[Source]:
    """One more than are wanted, if there are."""
    place = {f"after_{name}": value for name, value in wanted.after._asdict().items()}
    question = _RANKED.replace("{judged}", source_trust.judged(wanted.floods))
    limits = {"state": wanted.state, "least": wanted.least, "limit": wanted.limit + 1}
    return [Source(*row) for row in ask(client, question, rows, **limits, **wanted.floods._asdict(), **place)]


def _page(client: Client, filters: Filters, found: list[Source], limit: int) -> dict[str, Any]:
    page = found[:limit]
    more = None
    if len(found) > limit:
        last = page[-1]
        more = cursors.written(Cursor(last.trusted, last.first, last.site, last.directive, last.blocked))
    known = source_details.details(client, filters, page)
    return {"items": [item(one, known.get(one[:3])) for one in page], "next": more}


def item(one: Source, its: Details | None) -> dict[str, Any]:
    known = its or NOTHING
    return {
        "id": cursors.written(Key(one.site, one.directive, one.blocked)),
        "site": one.site,
        "directive": one.directive,
        "blocked": one.blocked,
        "blocked_kind": one.kind,
        "first_seen": written_ms(one.first),
        "last_seen": written_ms(one.last),
        **Count(one.reports, one.left_out).fields(),
        "pages": known.pages,
        "browsers": known.browsers,
        "first_page": known.first_page,
        "noise": bool(one.is_noise),
        "state": one.state,
        "note": one.note,
        "decided_by": one.who,
        "decided_at": written_ms(one.changed) if one.changed else None,
        "trust": one.trust,
        "trust_reasons": source_trust.reasons(known.taken, one.has_sound, one.flood, one.random, one.narrow),
        "trusted": bool(one.trusted),
    }
