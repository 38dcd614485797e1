"""Violations with the fields that are asked for, for the twenty or so of a page.

Counts, times and labels are summed over the period. The texts follow from the fingerprint, or are one example of many:
they are read once, from the violation's last week. That takes 0.15 s of a core for 20 violations of 30 days, and 0.68 s
if they are read from all of it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import relations, rows
from dashboards.clients import ask
from dashboards.filters import Filters
from dashboards.times import written
from schema.written import written_ms

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


class Place(NamedTuple):
    """A violation of a page; `reports`: as many as made the order, None where they did not."""

    fingerprint: str
    site: str
    reports: int | None = None


def items(client: Client, filters: Filters, page: list[Place], fields: tuple[str, ...]) -> list[_Fields]:
    """Those of `page` in its order; `fields` are of `rows.FIELDS`."""
    sites = {one.fingerprint: one.site for one in page}
    names = rows.stored(fields)
    counted = _counted(client, filters, tuple(name for name in names if name in rows.COUNTED), sites)
    places = [(sites[key], found["last_window"], key) for key, found in counted.items()]
    texts = of_weeks(client, places, tuple(name for name in names if name not in rows.COUNTED))
    # `weeks` may lack what a kill left half stored: its week is a gap (0009), and it is in the fine table only.
    lacking = {key: sites[key] for key in counted.keys() - texts.keys()}
    found = {key: counted[key] | its for key, its in texts.items()} | _counted(client, filters, names, lacking)
    policies = {}
    if "original_policy" in fields:
        policies = rows.policy_texts(client, {its["policy_hash"] for its in found.values()})
    # The count of the first step decides: it made the order, and reports may have come in since.
    return [
        _written(rows.item(its | ({} if reports is None else {"reports": reports}), fields, policies))
        for key, _, reports in page
        if (its := found.get(key))
    ]


def of_weeks(client: Client, places: list[tuple[str, int, str]], names: tuple[str, ...]) -> dict[str, _Fields]:
    """These texts of violations by fingerprint, as the weeks of these times (site, s, fingerprint) have them."""
    if not places:
        return {}
    sites, times, these = zip(*places, strict=True)
    question = _TEXTS.replace("{texts}", "".join(f", any({name})" for name in names))
    asked = ask(client, question, sites=list(sites), times=list(times), these=list(these))
    return {key: dict(zip(names, row, strict=True)) for key, *row in asked}


def _counted(client: Client, filters: Filters, names: tuple[str, ...], sites: dict[str, str]) -> dict[str, _Fields]:
    """By fingerprint, also with `last_window` (s)."""
    if not sites:
        return {}
    selected = relations.violations(client, filters, _THESE)
    asked = ask(client, rows.sums(names), selected, these=list(sites), sites=list(sites.values()))
    found = (dict(zip((*names, "last_window"), row, strict=True)) for row in asked)
    return {its["fingerprint"]: its for its in found}


_AS_TEXT: dict[str, Callable[[int], str]] = {"window": written, "first_seen": written_ms, "last_seen": written_ms}


def _written(item: _Fields) -> _Fields:
    """With its times as texts."""
    return item | {name: _AS_TEXT[name](item[name]) for name in _AS_TEXT.keys() & item.keys()}
