"""What the reports of a period are of: directives, categories of noise, verdicts, hosts; and how many violations."""

from collections import Counter, defaultdict
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
_HOSTS = """
SELECT toString(blocked_host) AS key, sum(reports) AS total, sum(left_out)
FROM {rows}
GROUP BY key
HAVING total > 0
ORDER BY total DESC, key
LIMIT {limit:UInt32}
"""
# By places among the biggest, 0 for all others, both in one number: that takes each fingerprint less memory than names,
# and less time. Two numbers take a tenth more.
_SEEN = f"""
SELECT place, count()
FROM (
    SELECT {relations.ID}, any(toUInt16({{directive}} * {{hosts}} + {{host}})) AS place
    FROM {{rows}}
)
GROUP BY place
"""  # noqa: S608  (ours)
_PLACE = "transform({column}, {{{name}:Array(String)}}, {{{name}_places:Array(UInt8)}}, 0)"
_MOST = 1000  # directives; clients may make up any number. There are some thirty pairs of labels


class Labels(NamedTuple):
    """Reports by category of noise ("" for the site's own) and by verdict, biggest first."""

    noise: dict[str, Count]
    verdicts: dict[str, Count]

    @property
    def noisy(self) -> Count:
        return _sum(count for category, count in self.noise.items() if category)


class Reports(NamedTuple):
    """Reports only: to count violations takes most of the time. `directives`: the biggest thousand."""

    counted: Count
    labels: Labels
    directives: list[tuple[str, Count]]


class Shares(NamedTuple):
    """`directives` and `hosts`: the biggest, as `/api/top` has them."""

    counted: Count
    labels: Labels
    violations: int
    directives: list[dict[str, Any]]
    hosts: list[dict[str, Any]]


def reports(client: Client, filters: Filters) -> Reports:
    found = ask(client, _SHARES, relations.counted(client, filters), limit=_MOST)
    directives = [(key, Count(*counted)) for of_labels, key, _, _, *counted in found if not of_labels]
    labels = [(noise, verdict, Count(*counted)) for of_labels, _, noise, verdict, *counted in found if of_labels]
    return Reports(_sum(count for *_, count in labels), _labels(labels), directives)


def of_directives(client: Client, filters: Filters, limit: int) -> Shares:
    """Without hosts. `limit`: at most 254, of both: their places are in a number of 16 bits."""
    return _shares(client, filters, [], limit)


def with_hosts(client: Client, filters: Filters, limit: int) -> Shares:
    found = ask(client, _HOSTS, relations.violations(client, filters), limit=limit)
    return _shares(client, filters, [(key, Count(*counted)) for key, *counted in found], limit)


def _shares(client: Client, filters: Filters, hosts: list[tuple[str, Count]], limit: int) -> Shares:
    its = reports(client, filters)
    directives = its.directives[:limit]
    found = _violations(client, filters, [key for key, _ in directives], [key for key, _ in hosts])
    violations = sum(found.directives.values())
    return Shares(its.counted, its.labels, violations, _items(directives, found.directives), _items(hosts, found.hosts))


class _Violations(NamedTuple):
    """Violations by place from 1 on; 0: of all others. A fingerprint has one directive and one host."""

    directives: Counter[int]
    hosts: Counter[int]


def _violations(client: Client, filters: Filters, directives: list[str], hosts: list[str]) -> _Violations:
    found = _Violations(Counter(), Counter())
    if not directives:
        return found
    asked: dict[str, list[Any]] = {"directives": directives, "directives_places": _places(directives)}
    host = "0"
    if hosts:
        asked |= {"hosts": hosts, "hosts_places": _places(hosts)}
        host = _PLACE.format(column="blocked_host", name="hosts")
    of_hosts = len(hosts) + 1
    question = _SEEN.replace("{directive}", _PLACE.format(column="effective_directive", name="directives"))
    question = question.replace("{hosts}", str(of_hosts)).replace("{host}", host)
    for place, violations in ask(client, question, relations.seen(client, filters), **asked):
        found.directives[place // of_hosts] += violations
        found.hosts[place % of_hosts] += violations
    return found


def _places(keys: list[str]) -> list[int]:
    return list(range(1, len(keys) + 1))


def _items(counts: list[tuple[str, Count]], seen: Counter[int]) -> list[dict[str, Any]]:
    return [{"key": key, **count.fields(), "violations": seen[place]} for place, (key, count) in enumerate(counts, 1)]


def _labels(found: list[tuple[str, str, Count]]) -> Labels:
    noise: defaultdict[str, list[Count]] = defaultdict(list)
    verdicts: defaultdict[str, list[Count]] = defaultdict(list)
    for category, verdict, count in found:
        noise[category].append(count)
        verdicts[verdict].append(count)
    return Labels(_biggest_first(noise), _biggest_first(verdicts))


def _biggest_first(found: Mapping[str, Iterable[Count]]) -> dict[str, Count]:
    summed = [(key, _sum(counts)) for key, counts in found.items()]
    return dict(sorted(summed, key=lambda pair: -pair[1].reports))


def _sum(counts: Iterable[Count]) -> Count:
    found = list(counts)
    return Count(sum(its.reports for its in found), sum(its.left_out for its in found))
