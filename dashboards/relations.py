"""Where the rows of a period are read: whole weeks, days or hours from a roll-up, its ends from the fine table.

Both count the same rows, and every question sums, so the answer is the same as from the fine table alone: a period is
cut where a roll-up's step begins, and no row is on both sides. What the roll-ups don't know for certain is in
`rollup_gaps` (0009), and comes from the fine table too; periods that begin before `days_since` (0015) ask no days.
"""

from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.filters import Filters, Where, where
from dashboards.gaps import gaps
from dashboards.times import LAST_WINDOW, week_of
from schema import keys
from schema.keys import LIVE
from schema.noise_moves import FORGOTTEN, GONE
from schema.violation import FIRST_MONDAY, WEEK_SECONDS

HOUR, _DAY = 3600, 86400


class _Rollup(NamedTuple):
    """`time` is a column of its own, the start of a step of `step` seconds; `made` makes one of a second."""

    table: str
    time: str
    made: str
    fine: str
    fine_time: str
    step: int
    origin: int
    chooses: str = "WHERE"


_DATE, _MOMENT = "toDate(toDateTime({second}, 'UTC'))", "toDateTime({second}, 'UTC')"
_WEEKS = _Rollup("weeks", "week", _DATE, "violations", "window", WEEK_SECONDS, FIRST_MONDAY)
_DAYS = _Rollup("days", "day", _DATE, "minutes", "minute", _DAY, 0)
_HOURS = _Rollup("hours", "hour", _MOMENT, "minutes", "minute", HOUR, 0)
_LEDGER = _Rollup("ledger_hours", "hour", _MOMENT, "ledger", "minute", HOUR, 0)

_Whole = tuple[int | None, int | None]  # s

# A row of `weeks` is of a week, and its windows are what it was seen in: what makes it is `bucket`, not `window`.
KEY = tuple("bucket" if name == "window" else name for name in keys.KEY)
# Signature, environment and reasons are in `judged`.
_SAME = (
    "site", "fingerprint", "policy_hash", "noise", "verdict", "window", "document_url", "document_host", "referrer",
    "effective_directive", "blocked_url", "blocked_host", "blocked_site", "blocked_kind", "disposition", "source_file",
    "line_number", "column_number", "status_code", "sample", "browser", "browser_version", "os", "user_agent",
    "noise_rule", "noise_version", "labelled", "verdict_reason", "trust", "judged", "document_template",
    "blocked_template", "reports", "left_out", "first_seen", "last_seen",
)  # fmt: skip


# What is alike but for numbers, ids and hashes is a group (dashboards/groups.py). It is known by a hash: the texts of
# millions of them would not fit. Two fast ones side by side, 126 bits in all, take a third of the time of one that is
# hard to forge. `weeks` has it as a column.
GROUP = ("site", "effective_directive", "document_template", "blocked_template", "blocked_kind", "disposition")
_GROUP = ", ".join(GROUP)
GROUP_ID = f"bitOr(bitShiftLeft(toUInt128(bitShiftRight(cityHash64({_GROUP}), 2)), 64), xxh3({_GROUP}))"


def of_key(name: str) -> str:
    """A column of a question that groups by KEY."""
    return "min(window)" if name == "window" else keys.of_key(name)


def violations(client: Client, filters: Filters, only: str = "") -> Where:
    """The rows that `filters` select, for `FROM {rows}`; `only` is a condition more."""
    return _of_violations(client, filters, "", "", only)


def merged(client: Client, filters: Filters) -> Where:
    """The same, a row a KEY, as after the last merge; what has no reports any more is still there.

    That takes a third of the time of grouping them, and no memory: a week that is over is one part already. The filters
    choose before it is merged, as they do before rows are grouped.
    """
    return _of_violations(client, filters, "", "", final=True)


def grouped(client: Client, filters: Filters) -> Where:
    """The same, with `group_id`."""
    return _of_violations(client, filters, ", group_id", f", {GROUP_ID} AS group_id")


def _of_violations(
    client: Client,
    filters: Filters,
    rolled: str,
    fine: str,
    only: str = "",
    whole: _Whole | None = None,
    *,
    final: bool = False,
) -> Where:
    chosen = _union(
        client,
        filters,
        _WEEKS._replace(chooses="FINAL PREWHERE") if final else _WEEKS,
        f"{{columns}}toDateTime(week, 'UTC') AS bucket, last_window{rolled}",
        f"{{columns}}window AS bucket, window AS last_window{fine}",
        only,
        whole,
    )
    return chosen._replace(columns=_SAME)


# A forgetting that is not at its end, or was killed.
_FORGETS = f"""
SELECT 1 FROM noise_moves WHERE startsWith(batch, '{FORGOTTEN}') GROUP BY batch HAVING max(done) < {GONE} LIMIT 1
"""  # noqa: S608  (ours)


# What is labelled again says since when. What a label lost does not, but never comes alone (processor/moves.py). Of a
# week that was labelled again before 0008, which said nothing, a violation may be counted where it has lost its label.
_LABELLED_AGAIN = "SELECT 1 FROM weeks WHERE {where} AND week IN ({weeks}) AND labelled > 0 LIMIT 1"


def seen(client: Client, filters: Filters) -> Where:
    """For who asks which violations there are, and not how often each was seen: rows grouped by `id`, which is ID.

    A week in which the period begins or ends is asked whole: its first and last window tell whether a violation was
    seen in the period. That takes a third of the time of all windows. Nor are reports added up, a quarter of what is
    left: a label takes from one row what it gives to another of the same violation and window. Where labels choose they
    are, for there may be no report of that label left; and if such a week was labelled again, all windows are asked. So
    they are in the month after a forgetting that was killed, which may have left some without reports.
    """
    of_labels = filters.noise != "all" or filters.verdict is not None
    having = LIVE if of_labels else ""
    if ask(client, _FORGETS):
        return _by_id(violations(client, filters), LIVE)
    start, end = filters.start, filters.end
    first, after = (None if second is None else week_of(second) for second in (start, end))
    inside: dict[int, str] = {}  # of a week that is not all of the period: its condition
    if start is not None and first is not None and start != first:
        inside[first] = f"last_window >= {_MOMENT.format(second=start)}"
    if end is not None and after is not None and end != after:
        inside[after] = f"window < {_MOMENT.format(second=end)}"
        after += WEEK_SECONDS
    in_one_week = week_of(start or 0) == week_of((end or LAST_WINDOW) - 1)
    if not inside or in_one_week or (of_labels and _labelled_again(client, filters, *inside)):
        return _by_id(violations(client, filters), having)
    its = _of_violations(client, filters, "", "", " AND ".join(inside.values()), whole=(first, after))
    return _by_id(its, having)


def _labelled_again(client: Client, filters: Filters, *weeks: int) -> bool:
    sql = _LABELLED_AGAIN.replace("{weeks}", ", ".join(_DATE.format(second=week) for week in weeks))
    return bool(ask(client, sql, where(Filters(site=filters.site), "week")))


# To group by fingerprints as numbers takes two thirds of the time that it takes as texts.
ID = "reinterpretAsUInt128(fingerprint) AS id"


def _by_id(its: Where, having: str = "") -> Where:
    return its._replace(rows=f"{its.rows} GROUP BY id {having}")


def counted(client: Client, filters: Filters) -> Where:
    """Rows of `effective_directive`, `noise`, `verdict`, `reports` and `left_out`: the fewest there are."""
    if not _without(filters, "document_host", "blocked_host", "blocked_kind", "disposition", "browser"):
        return violations(client, filters)
    if (filters.start or 0) < gaps(client).days_since:
        return violations(client, filters)
    same = "effective_directive, noise, verdict, reports, left_out"
    return _union(client, filters, _DAYS, same, same)


def minutes(client: Client, filters: Filters) -> Where:
    """Of the columns of `hours`; `minute` is the start of an hour where it comes from there."""
    return _union(client, filters, _HOURS, "hour AS minute, effective_directive, noise, reports, left_out",
                  "minute, effective_directive, noise, reports, left_out")  # fmt: skip


def of_hours(filters: Filters) -> bool:
    """Whether `hours` knows what the filters ask for."""
    return _without(filters, "document_host", "blocked_host", "blocked_kind", "disposition", "browser", "verdict")


def _without(filters: Filters, *names: str) -> bool:
    return not filters.of_urls and all(getattr(filters, name) is None for name in names)


def ledger(client: Client, filters: Filters) -> Where:
    """`surplus` is none in sum where each minute is balanced: see 0009."""
    only = Filters(site=filters.site, start=filters.start, end=filters.end)
    surplus = (
        "if(outcome = 'received', 1, -1) * toInt64(reports) * reinterpretAsInt64(cityHash64(toString(site), minute))"
    )
    return _union(client, only, _LEDGER, "outcome, detail, reports, balance AS surplus",
                  f"outcome, detail, toInt64(reports) AS reports, {surplus} AS surplus")  # fmt: skip


def _union(
    client: Client,
    filters: Filters,
    its: _Rollup,
    rolled: str,
    fine: str,
    only: str = "",
    whole: _Whole | None = None,
) -> Where:
    """`whole`: from where to where the roll-up is asked; else for the whole steps of the period."""
    first, after = whole or _whole(filters, its)
    selected = _and(where(filters, its.fine_time), only)
    from_fine = f"SELECT {fine} FROM {its.fine} {its.chooses} {selected.sql}"  # noqa: S608  (columns of ours)
    if first is not None and after is not None and first >= after:
        return selected._replace(rows=f"({from_fine})")
    inside, outside = [], []
    if first is not None:
        inside.append(f"{its.time} >= {its.made.format(second=first)}")
        if (filters.start or 0) < first:
            outside.append(f"{its.fine_time} < toDateTime({first}, 'UTC')")
    if after is not None:
        inside.append(f"{its.time} < {its.made.format(second=after)}")
        if filters.end is None or filters.end > after:
            outside.append(f"{its.fine_time} >= toDateTime({after}, 'UTC')")
    lacking = ", ".join(_DATE.format(second=week) for week in gaps(client).within(first, after))
    if lacking:
        inside.append(f"toMonday({its.time}) NOT IN ({lacking})")
        outside.append(f"toMonday({its.fine_time}) IN ({lacking})")
    dims = _and(where(_timeless(filters), its.fine_time), only)
    from_rollup = f"SELECT {rolled} FROM {its.table} {its.chooses} {' AND '.join([dims.sql, *inside])}"  # noqa: S608  (ours)
    if not outside:
        return selected._replace(rows=f"({from_rollup})")
    return selected._replace(rows=f"({from_rollup} UNION ALL {from_fine} AND ({' OR '.join(outside)}))")


def _and(selected: Where, only: str) -> Where:
    return selected._replace(sql=f"{selected.sql} AND {only}") if only else selected


def _timeless(filters: Filters) -> Filters:
    fields = {name: getattr(filters, name) for name in filters.__struct_fields__}
    return Filters(**(fields | {"start": None, "end": None}))


def _whole(filters: Filters, its: _Rollup) -> _Whole:
    """From where to where there are whole steps; None: from ever, for ever."""
    step, origin = its.step, its.origin
    first, after = filters.start, filters.end
    if first is not None:
        first = max(0, -(-(first - origin) // step) * step + origin)
    if after is not None:
        after = max(0, (after - origin) // step * step + origin)
    return first, after
