"""Violations with all their fields, for the twenty or so of a page.

Counts, times and labels are summed over the period; the texts follow from the fingerprint, or are one example of many,
so they are read once, from the violation's last week. With its texts from all of the period, 20 violations of 30 days
took 0.68 s of a core; so they take 0.15 s. (Of 7 days the counts alone take 0.7 s: each of 1008 windows has them.)
"""

from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards import relations, rows
from dashboards.clients import ask
from dashboards.filters import Filters, Where
from dashboards.times import written, written_ms

# With their sites, because the key begins with them: 20 fingerprints alone may be anywhere in each of 20 sites.
_THESE = """(site, fingerprint) IN (
    SELECT arrayJoin(
        arrayMap((its, id) -> (its, toFixedString(unhex(id), 16)), {sites:Array(String)}, {these:Array(String)})
    )
)"""
_IN_WEEKS = """(site, week, fingerprint) IN (
    SELECT arrayJoin(arrayMap(
        (its, at, id) -> (its, toMonday(toDateTime(at, 'UTC')), toFixedString(unhex(id), 16)),
        {sites:Array(String)}, {times:Array(UInt32)}, {these:Array(String)}
    ))
)"""
_TEXTS = f"""
SELECT lower(hex(fingerprint)), {", ".join(f"any({name})" for name in rows.TEXTS)}
FROM weeks
WHERE {_IN_WEEKS}
GROUP BY fingerprint
"""  # noqa: S608  (columns of ours)
_Fields = dict[str, Any]


def items(client: Client, filters: Filters, page: list[tuple[Any, ...]]) -> list[_Fields]:
    """Those of `page` (fingerprint, reports or None: all, site), in its order."""
    sites = {one[0]: one[2] for one in page}
    counted = _by_fingerprint(rows.COUNTED, _asked(client, filters, rows.COUNTS, sites))
    texts = of_weeks(client, [(sites[key], found["last_window"], key) for key, found in counted.items()])
    # `weeks` may lack what a kill left half stored: its week is a gap (0009), and it is in the fine table only.
    lacking = {key: sites[key] for key in counted.keys() - texts.keys()}
    whole = _by_fingerprint(rows.STORED, _asked(client, filters, rows.SUMS, lacking))
    found = {key: counted[key] | its for key, its in texts.items()} | whole
    policies = rows.policies(client, {its["policy_hash"] for its in found.values()})
    # The count of the first step decides: it made the order, and reports may have come in since.
    return [
        _written(rows.item(found[key] | ({} if reports is None else {"reports": reports}), policies))
        for key, reports, _ in page
        if key in found
    ]


def of_weeks(client: Client, places: list[tuple[str, int, str]]) -> dict[str, _Fields]:
    """The texts of violations by fingerprint, as the weeks of these times (site, s, fingerprint) have them."""
    if not places:
        return {}
    sites, times, these = zip(*places, strict=True)
    asked = ask(client, _TEXTS, Where("", {}), sites=list(sites), times=list(times), these=list(these))
    return {key: dict(zip(rows.TEXTS, row, strict=True)) for key, *row in asked}


def _asked(client: Client, filters: Filters, sql: str, sites: dict[str, str]) -> list[tuple[Any, ...]]:
    if not sites:
        return []
    selected = relations.violations(filters, _THESE)
    return ask(client, sql, selected, these=list(sites), sites=list(sites.values()))


def _by_fingerprint(names: tuple[str, ...], found: list[tuple[Any, ...]]) -> dict[str, _Fields]:
    return {its["fingerprint"]: its for its in (dict(zip(names, row, strict=True)) for row in found)}


def _written(item: _Fields) -> _Fields:
    times = {name: written_ms(item[name]) for name in ("first_seen", "last_seen")}
    return item | times | {"window": written(item["window"])}
