"""What a person wants to know of a source before they act: where, which line, how much, says who, and is it real."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from clickhouse_connect.driver.client import Client

from alerts.asking import ask
from alerts.events import Event, title
from alerts.source_questions import Found
from alerts.texts import clean, moment
from schema import source_trust
from schema.keys import KEY, LIVE, POLICY_TEXTS, of_key
from schema.names import field_of_blocked
from schema.source_states import DECIDED, LAST_STATE
from schema.verdicts import REASONS
from schema.violation import LEAST_TRUST

_LONGEST = 2000  # characters
_DAY_MS = 86_400_000
DETAILED = 60  # sources of a pass: as many as a message tells of
_THESE = "IN (SELECT arrayJoin(arrayZip({sites:Array(String)}, {directives:Array(String)}, {hosts:Array(String)})))"
_BLOCKED = source_trust.BLOCKED
# The first sound report of each that is no noise: who forges one can't come before it.
_FIRST = f"""
SELECT toString(of_site) AS its_site, its_directive, its_blocked,
    argMin(first, (of_noise != '', best < {LEAST_TRUST}, began)), {source_trust.TAKEN}
FROM (
    SELECT site AS of_site, any(toString(effective_directive)) AS its_directive, any({_BLOCKED}) AS its_blocked,
        noise AS of_noise, min(first_seen) AS began, max(trust) AS best, {of_key("trust_reasons")} AS reasons,
        any((document_url, toString(disposition), source_file, line_number, column_number, sample,
            toString(policy_hash), toString(verdict), toString(verdict_reason), blocked_url, toString(blocked_kind)))
            AS first
    FROM violations
    WHERE site IN {{sites:Array(String)}} AND window >= toDateTime({{window:UInt32}}, 'UTC')
        AND (toString(site), toString(effective_directive), {_BLOCKED}) {_THESE}
    GROUP BY {", ".join(KEY)}
    {LIVE}
)
GROUP BY its_site, its_directive, its_blocked
SETTINGS max_execution_time = 10
"""  # noqa: S608  (questions of ours)
_REACH = f"""
SELECT toString(site) AS its_site, toString(effective_directive) AS its_directive, blocked,
    uniqCombinedMerge(12)(pages), arraySort(groupUniqArrayArray(32)(browsers))
FROM sources
WHERE site IN {{sites:Array(String)}} AND (toString(site), toString(effective_directive), blocked) {_THESE}
GROUP BY its_site, its_directive, blocked
"""  # noqa: S608  (ours)
_DECISIONS = f"""
SELECT toString(site) AS its_site, toString(effective_directive) AS its_directive, blocked,
    {LAST_STATE}, argMax(note, changed), argMax(who, changed),
    toUnixTimestamp64Milli(max(changed))
FROM source_states
WHERE site IN {{sites:Array(String)}} AND (toString(site), toString(effective_directive), blocked) {_THESE}
GROUP BY its_site, its_directive, blocked
"""  # noqa: S608  (ours)
_FIELDS = (
    "page", "disposition", "file", "line", "column", "sample", "policy_hash", "verdict", "verdict_reason", "url",
    "blocked_kind",
)  # fmt: skip
_Key = tuple[str, str, str]
Details = dict[_Key, dict[str, Any]]
Decisions = dict[_Key, tuple[Any, ...]]


def path(where: str, **query: str) -> str:
    """An address of the console."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"{where}?{asked}" if asked else where


def since_first(found: Sequence[Found]) -> int:
    """From when on new ones have evidence, ms."""
    return min((one.first for one in found[:DETAILED]), default=0)


def since_last(found: Sequence[Found]) -> int:
    """The same of those that came back: it is of now, and not of all the time they were away."""
    return min((max(one.away, one.last - _DAY_MS) for one in found[:DETAILED]), default=0)


def new(found: Sequence[Found], known: Details) -> list[Event]:
    """An event each, those that are known with all evidence."""
    return [_event("new-source", one, known.get(one[:3], {}), "", "") for one in found]


def returned(found: Sequence[Found], known: Details, decided: Decisions) -> list[Event]:
    """The same of those that came back."""
    events = []
    for one in found:
        its = known.get(one[:3], {}) | {"since": one.away}
        says = f"after it was not seen since {moment(one.away)}"
        state, note, who, when = decided.get(one[:3], ("", "", "", 0))
        if state in DECIDED:
            by = f" by {clean(who, 60)}" if who else ""
            its |= {"state": state, "decided": when, "who": who, "note": f"{state}{by} on {moment(when)}: {note}"}
            says += f"; it was {state}{by}"
        events.append(_event("returned", one, its, str(one.away), says))
    return events


def decisions(client: Client, found: Sequence[Found]) -> Decisions:
    """What was decided about them last: state, note, who, and when. Raises ClickHouseError."""
    return {row[:3]: row[3:] for row in _asked(client, _DECISIONS, found)} if found else {}


def _event(kind: str, one: Found, its: dict[str, Any], occasion: str, says: str) -> Event:
    taken = its.pop("taken", [])
    found = {
        "first_seen": one.first,
        "last_seen": one.last,
        "reports": one.reports,
        **its,
        "trust": one.trust,
        "trust_reasons": source_trust.reasons(taken, one.has_sound, one.flood, one.random, one.narrow),
        "path": path(
            "/violations", site=one.site, directive=one.directive, **{field_of_blocked(one.blocked): one.blocked}
        ),
    }
    return Event(
        kind=kind,
        site=one.site,
        directive=one.directive,
        blocked=one.blocked,
        occasion=occasion,
        time=one.first if kind == "new-source" else one.last,
        title=title(kind, one.site, one.directive, one.blocked, says),
        evidence=found,
    )


def details(client: Client, some: Sequence[Found], since: int) -> Details:
    """By site, directive and what was blocked; of their violations since (ms). Raises ClickHouseError."""
    if not some:
        return {}
    known: Details = {}
    for *key, its, taken in _asked(client, _FIRST, some, window=max(0, since // 600_000 * 600)):
        fields = {name: cut(value) for name, value in zip(_FIELDS, its, strict=True)}
        known[tuple(key)] = fields | {"source": _place(fields), "taken": taken, "verdict_says": _why(fields)}
    for *key, pages, browsers in _asked(client, _REACH, some):
        known.setdefault(tuple(key), {}).update(pages=pages, browsers=browsers)
    texts = dict(ask(client, POLICY_TEXTS, hashes=sorted({its.get("policy_hash", "") for its in known.values()})))
    for its in known.values():
        its["policy"] = cut(texts.get(its.get("policy_hash", ""), ""))
    return known


def _asked(client: Client, sql: str, found: Sequence[Found], **more: Any) -> list[tuple[Any, ...]]:
    these = {
        "sites": [one.site for one in found],
        "directives": [one.directive for one in found],
        "hosts": [one.blocked for one in found],
    }
    return ask(client, sql, **these, **more)


def cut(value: Any) -> Any:
    """A text's beginning and end: a night's events wait in memory, and each field of a report may have 64 KiB."""
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[: _LONGEST - 400]} … {value[-300:]}"
    return value


def _place(its: dict[str, Any]) -> str:
    """file:line:column, as far as it is known."""
    file, line, column = its.pop("file"), its.pop("line"), its.pop("column")
    if not file and not line:
        return ""
    return f"{file or 'the page'}:{line}:{column}" if line else str(file)


def _why(its: dict[str, Any]) -> str:
    reason = its["verdict_reason"]
    if its["verdict"] == "consistent":
        return f"{reason} of its own policy blocks it"
    return str(REASONS.get(reason, reason))
