"""What the reports of a period are of: directives, categories of noise, verdicts, hosts; and how many violations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import relations
from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Filters

# Directives and labels at once: few rows are read, and to ask takes longer than to sum.
_SHARES = """
SELECT grouping(effective_directive) AS of_labels, toString(effective_directive) AS key, toString(noise),
    toString(verdict), sum(of_reports) AS total, sum(of_left_out)
FROM (
    SELECT effective_directive, noise, verdict, sum(reports) AS of_reports, sum(left_out) AS of_left_out
    FROM {rows}
    GROUP BY effective_directive, noise, verdict
)
GROUP BY GROUPING SETS ((effective_directive), (noise, verdict))
HAVING total > 0
ORDER BY of_labels, total DESC, key
LIMIT {limit:UInt32} BY of_labels
"""
# The place among those that were found: a number takes each fingerprint less memory than a name, and less time.
_PLACE = "any(transform(effective_directive, {keys:Array(String)}, {places:Array(UInt32)}, 0))"
_SEEN = f"""
SELECT place, count()
FROM (
    SELECT {_PLACE} AS place, reinterpretAsUInt128(fingerprint) AS id
    FROM {{rows}}
    GROUP BY id
    HAVING {relations.SEEN}
)
GROUP BY place
"""  # noqa: S608  (conditions of ours)
# Both in one pass over the fingerprints, which takes two thirds of the time of two.
_SEEN_AND_HOSTS = f"""
SELECT grouping(host) AS of_directives, place, host, sum(pair_reports) AS of_reports, sum(pair_left_out), sum(pair_seen)
FROM (
    SELECT place, host, sum(total) AS pair_reports, sum(more) AS pair_left_out, count() AS pair_seen
    FROM (
        SELECT {_PLACE} AS place, any(blocked_host) AS host, reinterpretAsUInt128(fingerprint) AS id,
            sum(reports) AS total, sum(left_out) AS more
        FROM {{rows}}
        GROUP BY id
        HAVING total > 0
    )
    GROUP BY place, host
)
GROUP BY GROUPING SETS ((host), (place))
ORDER BY of_directives, of_reports DESC, host
LIMIT {{limit:UInt32}} BY of_directives
"""  # noqa: S608  (ours)
_MOST = 1000  # directives; clients may make up any number. There are some thirty pairs of labels


class Labels(NamedTuple):
    """Reports by category of noise ("" for the site's own) and by verdict, biggest first."""

    noise: dict[str, Count]
    verdicts: dict[str, Count]

    @property
    def noisy(self) -> Count:
        return _sum(count for category, count in self.noise.items() if category)


class Shares(NamedTuple):
    """`directives` and `hosts`: the biggest, as `/api/top` has them."""

    counted: Count
    violations: int
    directives: list[dict[str, Any]]
    labels: Labels
    hosts: list[dict[str, Any]]


class _Sums(NamedTuple):
    directives: list[tuple[str, Count]]
    labels: list[tuple[str, str, Count]]  # category of noise, verdict


def shares(client: Client, filters: Filters, limit: int = _MOST) -> Shares:
    """Without hosts."""
    sums = _sums(client, filters, limit)
    found = ask(client, _SEEN, relations.seen(filters), **_places(sums)) if sums.labels else []
    return _shares(sums, dict(found))


def with_hosts(client: Client, filters: Filters, limit: int) -> Shares:
    sums = _sums(client, filters, limit)
    # One more, for the directives that are none of the biggest.
    asked = _places(sums) | {"limit": limit + 1}
    found = ask(client, _SEEN_AND_HOSTS, relations.violations(filters), **asked) if sums.labels else []
    seen = {place: violations for of_directives, place, *_, violations in found if of_directives}
    hosts = [(host, Count(*counted), its) for of_directives, _, host, *counted, its in found if not of_directives]
    return _shares(sums, seen)._replace(hosts=[_item(*one) for one in hosts[:limit]])


def _sums(client: Client, filters: Filters, limit: int) -> _Sums:
    found = ask(client, _SHARES, relations.counted(filters), limit=_MOST)
    directives = [(key, Count(*counted)) for of_labels, key, _, _, *counted in found if not of_labels]
    labels = [(noise, verdict, Count(*counted)) for of_labels, _, noise, verdict, *counted in found if of_labels]
    return _Sums(directives[:limit], labels)


def _places(sums: _Sums) -> dict[str, list[Any]]:
    keys = [key for key, _ in sums.directives]
    return {"keys": keys, "places": list(range(1, len(keys) + 1))}


def _shares(sums: _Sums, seen: dict[int, int]) -> Shares:
    """`seen`: violations by a directive's place from 1 on; 0: of all others. A fingerprint has one directive."""
    directives = [_item(key, count, seen.get(place, 0)) for place, (key, count) in enumerate(sums.directives, 1)]
    counted = _sum(count for *_, count in sums.labels)
    return Shares(counted, sum(seen.values()), directives, _labels(sums.labels), [])


def _item(key: str, count: Count, violations: int) -> dict[str, Any]:
    return {"key": key, **count.fields(), "violations": violations}


def _labels(found: list[tuple[str, str, Count]]) -> Labels:
    noise: defaultdict[str, list[Count]] = defaultdict(list)
    verdicts: defaultdict[str, list[Count]] = defaultdict(list)
    for category, verdict, count in found:
        noise[category].append(count)
        verdicts[verdict].append(count)
    return Labels(_biggest_first(noise), _biggest_first(verdicts))


def _biggest_first(found: Mapping[str, Iterable[Count]]) -> dict[str, Count]:
    sums = [(key, _sum(counts)) for key, counts in found.items()]
    return dict(sorted(sums, key=lambda pair: -pair[1].reports))


def _sum(counts: Iterable[Count]) -> Count:
    found = list(counts)
    return Count(sum(its.reports for its in found), sum(its.left_out for its in found))
