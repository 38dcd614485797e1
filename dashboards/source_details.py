"""What a list of sources says beyond the counts: pages, browsers, the first page, what takes from the trust.

A flood makes a million sources, so this is asked for those on a page only.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
from clickhouse_connect.driver.client import Client

from dashboards import relations
from dashboards.clients import ask
from dashboards.filters import Filters
from dashboards.times import week_of
from schema import source_trust
from schema.keys import LIVE


class _Source(Protocol):
    """A source; `first` in ms."""

    @property
    def site(self) -> str: ...
    @property
    def directive(self) -> str: ...
    @property
    def blocked(self) -> str: ...
    @property
    def first(self) -> int: ...


class Details(NamedTuple):
    """Pages are counted to about 2%, at most 32 browsers and reasons named."""

    pages: int
    browsers: list[str]
    first_page: str
    taken: list[str]  # schema.source_trust.TAKEN


NOTHING = Details(0, [], "", [])  # of a source whose violations are no longer retained

# By host first, and not by what BLOCKED makes of host and kind: a fifth of the time less. Other sources with a site, a
# directive and a host of these come along.
_THESE = f"""
SELECT toString(of_site) AS its_site, toString(its_directive), its_blocked, uniqCombined(12)(page),
    arraySort(groupUniqArray(32)(its_browser)), argMin(page, (began, page)), {source_trust.TAKEN}
FROM (
    SELECT site AS of_site, any(effective_directive) AS its_directive, any({source_trust.BLOCKED}) AS its_blocked,
        any(document_url) AS page, any(toString(browser)) AS its_browser, min(first_seen) AS began, max(trust) AS best,
        {relations.of_key("trust_reasons")} AS reasons
    FROM {{rows}}
    WHERE site IN {{sites:Array(String)}} AND effective_directive IN {{directives:Array(String)}}
        AND (blocked_host IN {{blocked:Array(String)}}
            OR blocked_host = '' AND blocked_kind IN {{blocked:Array(String)}})
    GROUP BY {", ".join(relations.KEY)}
    {LIVE}
)
GROUP BY its_site, its_directive, its_blocked
"""  # noqa: S608  (a question of ours)


def details(client: Client, filters: Filters, page: Sequence[_Source]) -> dict[tuple[str, str, str], Details]:
    """Of the sources on a page, by site, directive and what was blocked, as the violations that `filters` choose say.

    The newest are mostly asked for: the weeks before the first of them was seen are not read.
    """
    if not page:
        return {}
    these = {
        "sites": sorted({one.site for one in page}), "directives": sorted({one.directive for one in page}),
        "blocked": sorted({one.blocked for one in page}),
    }  # fmt: skip
    began = week_of(min(one.first for one in page) // 1000)
    since = msgspec.structs.replace(filters, start=max(filters.start or 0, began))
    found = ask(client, _THESE, relations.violations(client, since), **these)
    return {(row[0], row[1], row[2]): Details(*row[3:]) for row in found}
