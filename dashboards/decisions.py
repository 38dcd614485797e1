"""What people decide about sources: known (it should be there), ignored (don't tell me again), new (look again)."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client
from msgspec import Meta

from dashboards import cursors
from dashboards.query_string import BadParameter
from dashboards.source_filters import Key
from schema.sites import LABEL
from schema.source_states import STATES
from schema.source_trust import NAMES

MOST = 1000  # sources decided at once
LONGEST_NOTE = 1000  # characters


_Text = Annotated[str, Meta(min_length=1)]


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """A source by its three parts, as in /api/sources."""

    site: Annotated[str, Meta(pattern=f"^{LABEL.pattern}$")]
    directive: _Text
    blocked: _Text


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """As `POST /api/sources/state` takes it."""

    state: Literal["new", "known", "ignored"]
    sources: Annotated[list[Named], Meta(min_length=1, max_length=MOST)]
    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""


def read(given: Any) -> tuple[str, list[Key], str]:
    """State, sources and note of a decoded JSON body. Raises BadParameter."""
    try:
        asked = msgspec.convert(given, Decision)
    except msgspec.ValidationError as error:
        raise BadParameter(f"The body is not a decision: {error}.") from error
    return asked.state, [Key(one.site, one.directive, one.blocked) for one in asked.sources], asked.note


def keys_of(ids: Sequence[str]) -> list[Key]:
    """Of the `id`s of a list of sources. Raises BadParameter."""
    if not ids:
        raise BadParameter("No source is chosen; tick at least one.")
    if len(ids) > MOST:
        raise BadParameter(f"At most {MOST} sources can be decided at once.")
    return [cursors.read(one, Key) for one in ids]


class Decided(NamedTuple):
    """`unseen` of them nobody reported yet: decided beforehand, or misspelt."""

    decided: int
    unseen: int


def decide(client: Client, state: str, sources: Sequence[Key], note: str, who: str) -> Decided:
    """Writes it down, with `who` and when. The last decision about a source counts. Raises BadParameter."""
    if state not in STATES:
        raise BadParameter(f"state is one of {', '.join(STATES)}.")
    if len(note) > LONGEST_NOTE:
        raise BadParameter(f"note is longer than {LONGEST_NOTE} characters.")
    if wrong := [key for key in sources if not LABEL.fullmatch(key.site) or not key.directive or not key.blocked]:
        raise BadParameter(f"{wrong[0].site[:60]!r} is no site, or a source of it lacks directive or blocked.")
    chosen = sorted(set(sources))
    changed = time.time_ns() // 1_000_000
    rows = [[*key, state, changed, note.strip(), who] for key in chosen]
    client.insert("source_states", rows, column_names=_COLUMNS)
    these = dict(zip(("sites", "directives", "blocked"), map(list, zip(*chosen, strict=True)), strict=True))
    [(seen,)] = client.query(_SEEN, parameters=these).result_rows
    return Decided(len(chosen), len(chosen) - seen)


_SEEN = f"""
SELECT uniqExact({NAMES})
FROM sources
WHERE (toString(site), toString(effective_directive), blocked)
    IN (SELECT arrayJoin(arrayZip({{sites:Array(String)}}, {{directives:Array(String)}}, {{blocked:Array(String)}})))
"""  # noqa: S608  (ours)
_COLUMNS = ["site", "effective_directive", "blocked", "state", "changed", "note", "who"]
