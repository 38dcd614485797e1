"""Violations with all their fields, for the twenty or so of a page.

Counts, times and labels are summed over the period; the texts follow from the fingerprint, or are one example of many,
so they are read once, from the violation's last week. With its texts from all of the period, 20 violations of 30 days
took 0.68 s of a core; so they take 0.15 s. (Of 7 days the counts alone take 0.7 s: each of 1008 windows has them.)
"""

from collections.abc import Callable
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
SELECT lower(hex(fingerprint)){{texts}}
FROM weeks
WHERE {_IN_WEEKS}
GROUP BY fingerprint
"""  # noqa: S608  (columns of ours)
_Fields = dict[str, Any]
# Of FIELDS, what the lists of the console's pages show. To read the others takes as long again.
SHOWN = (
    "fingerprint", "reports", "estimated", "last_seen", "document_url", "effective_directive", "blocked_url",
    "blocked_host", "blocked_kind", "disposition", "source_file", "line_number", "column_number", "browser", "noise",
    "verdict",
)  # fmt: skip


def items(
    client: Client, filters: Filters, page: list[tuple[Any, ...]], fields: tuple[str, ...] = rows.FIELDS
) -> list[_Fields]:
    """Those of `page` (fingerprint, reports or None: all, site), in its order."""
    sites = {one[0]: one[2] for one in page}
    names = rows.stored(fields)
    counted = _counted(client, filters, tuple(name for name in names if name in rows.COUNTED), sites)
    places = [(sites[key], found["last_window"], key) for key, found in counted.items()]
    texts = of_weeks(client, places, tuple(name for name in names if name not in rows.COUNTED))
    # `weeks` may lack what a kill left half stored: its week is a gap (0009), and it is in the fine table only.
    lacking = {key: sites[key] for key in counted.keys() - texts.keys()}
    found = {key: counted[key] | its for key, its in texts.items()} | _counted(client, filters, names, lacking)
    policies = {}
    if "original_policy" in fields:
        policies = rows.policies(client, {its["policy_hash"] for its in found.values()})
    # The count of the first step decides: it made the order, and reports may have come in since.
    return [
        _written(rows.item(its | ({} if reports is None else {"reports": reports}), fields, policies))
        for key, reports, _ in page
        if (its := found.get(key))
    ]


def of_weeks(client: Client, places: list[tuple[str, int, str]], names: tuple[str, ...]) -> dict[str, _Fields]:
    """These texts of violations by fingerprint, as the weeks of these times (site, s, fingerprint) have them."""
    if not places:
        return {}
    sites, times, these = zip(*places, strict=True)
    question = _TEXTS.replace("{texts}", "".join(f", any({name})" for name in names))
    asked = ask(client, question, Where("", {}), sites=list(sites), times=list(times), these=list(these))
    return {key: dict(zip(names, row, strict=True)) for key, *row in asked}


def _counted(client: Client, filters: Filters, names: tuple[str, ...], sites: dict[str, str]) -> dict[str, _Fields]:
    """By fingerprint, also with `last_window` (s)."""
    if not sites:
        return {}
    selected = relations.violations(filters, _THESE)
    asked = ask(client, rows.sums(names), selected, these=list(sites), sites=list(sites.values()))
    found = (dict(zip((*names, "last_window"), row, strict=True)) for row in asked)
    return {its["fingerprint"]: its for its in found}


def _written(item: _Fields) -> _Fields:
    """With its times as texts."""
    as_text: dict[str, Callable[[int], str]] = {"window": written, "first_seen": written_ms, "last_seen": written_ms}
    return item | {name: as_text[name](item[name]) for name in as_text.keys() & item.keys()}
