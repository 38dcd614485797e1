"""Sources first seen in a period: how many there are, and the first of their list. Asked at once: most of the time goes
into finding them.
"""

from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards import source_filters
from dashboards.clients import ask
from dashboards.source_details import NOTHING
from dashboards.source_filters import Asked, Key
from dashboards.sources import Source, item
from schema import source_trust
from schema.source_states import decided
from schema.source_trust import Floods

Period = tuple[int, int]  # s, without its end

_FOUND = "FROM (SELECT *, toUnixTimestamp64Milli(first) AS since, {judged} FROM {rows})"
_BY_SITE = f"SELECT toString(its_site), {{counted}} {_FOUND} GROUP BY its_site"
# By what they are sorted by, and no more of each: 33,000 of them would be copied for the few that come first.
_FIRST = f"""
SELECT {{counted}}, groupArraySortedIf({{limit}})(
    (NOT trusted, -since, toString(its_site), toString(its_directive), toString(its_blocked)),
    since >= {{start0:Int64}} AND since < {{end0:Int64}}
        AND (its_site, its_directive, its_blocked) NOT IN ({decided()})
)
{_FOUND}
"""
# Sources that nobody has decided upon.
_THESE = f"""
SELECT toString(its_site), toString(its_directive), toString(its_blocked), toString(kind), since,
    toUnixTimestamp64Milli(last), total, more, own = 0, 'new', '', '', 0, score, trusted, has_sound, flood, random,
    narrow, its_pages
{_FOUND}
"""


def by_site(client: Client, asked: Asked, period: Period) -> dict[str, int]:
    """How many trusted sources that `asked` chooses were first seen in the period."""
    floods = source_trust.floods(client, asked.site or "")
    return {site: counts[0] for site, counts in _asked(client, _BY_SITE, asked, floods, period)}


def first(client: Client, asked: Asked, limit: int, *periods: Period) -> tuple[list[dict[str, Any]], list[int]]:
    """The first new sources of the first period, as `sources.listed` has them, but of their details only the pages; and
    for each period how many trusted ones there are, decided upon or not.
    """
    floods = source_trust.floods(client, asked.site or "")
    [(counts, found)] = _asked(client, _FIRST.replace("{limit}", str(limit)), asked, floods, *periods)
    keys = tuple(Key(*one[2:]) for one in found)
    these = _these(client, asked, floods, keys)
    return [these[key] for key in keys if key in these], list(counts)


def _these(client: Client, asked: Asked, floods: Floods, keys: tuple[Key, ...]) -> dict[Key, dict[str, Any]]:
    """Of the pages, all are counted that reports came from: those of what was labelled again or forgotten since too. It
    takes a sixth of the time of `source_details.details`, which counts them anew.
    """
    if not keys:
        return {}
    rows = source_filters.of_sources(asked._replace(these=keys, since=None, until=None), floods)
    found = ask(client, _THESE.replace("{judged}", source_trust.judged(floods)), rows, **floods._asdict())
    return {Key(*row[:3]): item(Source(*row[:-1]), NOTHING._replace(pages=row[-1])) for row in found}


def _asked(client: Client, question: str, asked: Asked, floods: Floods, *periods: Period) -> list[tuple[Any, ...]]:
    rows = source_filters.of_sources(asked._replace(since=min(start for start, _ in periods), until=None), floods)
    counted: list[str] = []
    times: dict[str, int] = {}
    for place, (start, end) in enumerate(periods):
        counted.append(f"countIf(trusted AND since >= {{start{place}:Int64}} AND since < {{end{place}:Int64}})")
        times |= {f"start{place}": start * 1000, f"end{place}": end * 1000}
    question = question.replace("{counted}", f"[{', '.join(counted)}]")
    question = question.replace("{judged}", source_trust.judged(floods))
    return ask(client, question, rows, **floods._asdict(), **times)
