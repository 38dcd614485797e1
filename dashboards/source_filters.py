"""Which sources a question is about, as rows of one source each: from `sources`, or from the violations of a period."""

from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards import relations
from dashboards.filters import Filters, Where
from schema.source_trust import (
    BLOCKED,
    LOOKED_UP,
    NAMES,
    QUICK_SOURCE,
    SENDER,
    SOURCE,
    THIN,
    Floods,
    counted,
    of_some,
    source_of,
)
from schema.violation import LEAST_TRUST


class Key(NamedTuple):
    """What a source is known by; as a text it is the `id` of an answer."""

    site: str
    directive: str
    blocked: str


class Asked(NamedTuple):
    """None and empty: any. `blocked_words` are looked for in what was blocked.

    First seen from `since` on and before `until`, in s.
    """

    site: str | None = None
    directive: str | None = None
    blocked_words: tuple[str, ...] = ()
    blocked_kind: str | None = None
    blocked_host: str | None = None
    state: str = ""
    least: int = 0  # trust
    since: int | None = None
    until: int | None = None
    noise: str = "all"
    these: tuple[Key, ...] = ()


_KNOWN = {"site", "directive", "blocked_host", "blocked_kind", "noise"}


def are_known(filters: Filters) -> bool:
    """Whether `sources` has what the filters choose by."""
    return not _unknown(filters)


def but_for_period(filters: Filters) -> bool:
    """The same, where the period is one of first seeing."""
    return _unknown(filters) <= {"start", "end"}


def _unknown(filters: Filters) -> set[str]:
    defaults = zip(filters.__struct_fields__, filters.__struct_defaults__, strict=True)
    return {name for name, default in defaults if name not in _KNOWN and getattr(filters, name) != default}


def asked(filters: Filters, state: str, least: int) -> Asked:
    """The same, of filters that are known."""
    return Asked(
        site=filters.site, directive=filters.directive, blocked_kind=filters.blocked_kind,
        blocked_host=filters.blocked_host, state=state, least=least, noise=filters.noise,
    )  # fmt: skip


def of_rows(its: Asked) -> Where:
    """The chosen rows of `sources`, of which a source has some; times are of each by itself."""
    conditions = [*_of_whole_sources(its), *_of_rows(its), *_of_first(its)]
    values: dict[str, Any] = {name: value for _, given in conditions for name, value in given.items()}
    return Where(
        " AND ".join(sql for sql, _ in conditions) or "1", values, "(SELECT *, first_seen AS first FROM sources)"
    )


# `source_of` says why: for those of a time there is memory enough.
_BY_NAME = (
    "site AS its_site, effective_directive AS its_directive, blocked AS its_blocked",
    "its_site, its_directive, its_blocked",
)
_BY_HASH = "any(site) AS its_site, any(effective_directive) AS its_directive, any(blocked) AS its_blocked", SOURCE


def of_sources(its: Asked, floods: Floods) -> Where:
    """A row a source, with what `schema.source_trust.judged` needs, and `last`, `own`, `kind` and `its_pages`.

    In a flood it counts whether nobody else reports a source. That is asked of all its rows, so those that are not
    chosen are read too. Where some of a time are wanted, these are found first: that takes a third of the time of all.
    In a flood it would be most of them, and take longer.
    """
    whole, some, times = _of_whole_sources(its), _of_rows(its), _of_first(its)
    values: dict[str, Any] = {name: value for _, given in whole + some + times for name, value in given.items()}
    where = " AND ".join(sql for sql, _ in (whole if floods.on else whole + some)) or "1"
    only = " AND ".join(sql for sql, _ in some) if floods.on else ""
    when = "".join(f" AND {sql}" for sql, _ in times)
    first = f"{of_some('min', 's.first_seen', only)} AS first"
    chosen, (named, key) = where, _BY_HASH
    if when and not floods.on:
        # All whose first row is of that time, and some that have another row of it. By number, with whoever has the
        # same one: a million names would take all memory.
        of_time = of_rows(its)
        found = f"SELECT {QUICK_SOURCE} FROM {of_time.rows} AS s WHERE {of_time.sql}"  # noqa: S608  (conditions of ours)
        chosen, (named, key) = f"{where} AND {QUICK_SOURCE} IN ({found})", _BY_NAME
    rows = f"""(
        SELECT {named}, {of_some("min", "blocked_kind", only)} AS kind,
            {first}, {of_some("max", "s.last_seen", only)} AS last,
            sumIf(s.reports, noise = ''{f" AND {only}" if only else ""}) AS own,
            {of_some("sum", "s.left_out", only)} AS more, {counted(only)}, {THIN} AS thin,
            uniqCombinedMerge{"If" if only else ""}(12)(s.pages{f", {only}" if only else ""}) AS its_pages
        FROM sources AS s
        WHERE {chosen}
        GROUP BY {key}
        HAVING total > 0{when}
    )"""  # noqa: S608  (conditions of ours)
    return Where(where, values, rows)


_Conditions = list[tuple[str, dict[str, Any]]]
_THESE = f"""({NAMES}) IN (
    SELECT arrayJoin(arrayZip({{sites:Array(String)}}, {{directives:Array(String)}}, {{blocked:Array(String)}}))
)"""


def _of_whole_sources(its: Asked) -> _Conditions:
    """What holds for all rows of a source, or for none."""
    found: _Conditions = []
    for name, column in (("site", "site"), ("directive", "effective_directive")):
        value = getattr(its, name)
        if value is not None:
            found.append((f"{column} = {{{name}:String}}", {name: value}))
    if its.blocked_host:
        found.append(("blocked = {blocked_host:String}", {"blocked_host": its.blocked_host}))
    if its.these:
        sites, directives, blocked = map(list, zip(*its.these, strict=True))
        found.append((_THESE, {"sites": sites, "directives": directives, "blocked": blocked}))
    for number, word in enumerate(its.blocked_words):
        name = f"word{number}"
        found.append((f"positionCaseInsensitiveUTF8(blocked, {{{name}:String}}) > 0", {name: word}))
    return found


def _of_first(its: Asked) -> _Conditions:
    """What holds for `first`."""
    found: _Conditions = []
    for name, compared in (("since", ">="), ("until", "<")):
        second = getattr(its, name)
        if second is not None:
            found.append((f"first {compared} toDateTime({{{name}:UInt32}}, 'UTC')", {name: second}))
    return found


def _of_rows(its: Asked) -> _Conditions:
    found: _Conditions = []
    if its.blocked_kind is not None:
        found.append(("blocked_kind = {blocked_kind:String}", {"blocked_kind": its.blocked_kind}))
    if its.blocked_host == "":  # without a host it is known by its kind
        found.append(("blocked = toString(blocked_kind)", {}))
    if its.noise != "all":
        found.append(("noise = ''" if its.noise == "none" else "noise != ''", {}))
    return found


# Of rows as after a merge: else a forged row counts apart until its real one is merged with it, and what got another
# label still shows under the old one.
_SOUND = f"best >= {LEAST_TRUST}"
_OF_VIOLATIONS = f"""(
    SELECT site AS its_site, effective_directive AS its_directive, {BLOCKED} AS its_blocked,
        {source_of("its_site, its_directive, its_blocked")} AS source, min(toString(blocked_kind)) AS kind,
        min(first_seen) AS first, max(last_seen) AS last, sumIf(counted, noise = '') AS own, sum(left_out) AS more,
        sum(counted) AS total, sumIf(counted, {_SOUND}) AS sound_reports, sumIf(counted * best, {_SOUND}) AS all_sound,
        sumIf(counted, NOT ({_SOUND})) AS doubtful_reports, sumIf(counted * best, NOT ({_SOUND})) AS all_doubtful,
        groupBitOrIf({SENDER["some_browsers"]}, {_SOUND}) AS some,
        groupBitOrIf({SENDER["other_browsers"]}, {_SOUND}) AS others,
        min({SENDER["sender"]}) = max({SENDER["sender"]}) AND min(window) = max(last_window) AS at_once,
        {LOOKED_UP} AS thin
    FROM (SELECT *, reports AS counted, trust AS best FROM {{rows}} WHERE reports > 0)
    GROUP BY its_site, its_directive, its_blocked
)"""  # noqa: S608  (ours)


def of_violations(client: Client, filters: Filters) -> Where:
    """The same, of the violations that `filters` choose."""
    chosen = relations.merged(client, filters)
    return chosen._replace(rows=_OF_VIOLATIONS.replace("{rows}", chosen.rows))
