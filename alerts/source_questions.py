"""The questions about sources: which of those that the store got something of are new, or have come back."""

from typing import Any, NamedTuple

from alerts.asking import by_site
from schema import source_trust
from schema.alerting import AlertingOf
from schema.source_states import decided
from schema.source_trust import FEW_REPORTS, NAMES, SOURCE

RECENT_DAYS = 3  # older reports are not told: longer than a store may be away over a weekend
_LATELY = ">= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
_SINCE = f"last_arrived {_LATELY}"
HOW_MANY = f"SELECT uniqCombined(12)({SOURCE}) FROM sources WHERE {_SINCE}"  # noqa: S608  (ours, here and below)

# Some sources are found by their keys. Of very many the table is read as a whole, a share of it at a time: a set of a
# hundred thousand names takes longer to make than that, and memory too.
SOME = 100_000
AT_ONCE = 500_000
_BY_KEY = f"({NAMES}) IN (SELECT {NAMES} FROM sources WHERE {_SINCE})"  # noqa: S608  (ours)
_BY_SHARE = f"cityHash64({NAMES}) % {{shares:UInt32}} = {{share:UInt32}}"
_AMONG = f"key IN (SELECT {SOURCE} FROM sources WHERE {_SINCE})"  # noqa: S608  (ours)

_DECIDED = decided(SOURCE)
# A row that came in before tells that it isn't new, whatever its label: labels change.
_OLD = f"""
    SELECT {SOURCE} FROM sources
    WHERE arrived < fromUnixTimestamp64Milli({{new_since:Int64}}, 'UTC') AND {{these}}
"""  # noqa: S608  (ours)
_TOLD = "SELECT key FROM alert_events WHERE kind = 'new-source' AND {among}"
_JUDGED = f"""
SELECT toString(its_site), toString(its_directive), its_blocked, toUnixTimestamp64Milli(first) AS began,
    toUnixTimestamp64Milli(ended), total, score, has_sound, flood, random, narrow, {{more}}
FROM (
    SELECT *, {{judged}}
    FROM (
        SELECT {SOURCE} AS source, any(s.site) AS its_site, any(s.effective_directive) AS its_directive,
            any(s.blocked) AS its_blocked, min(s.first_seen) AS first, max(s.last_seen) AS ended,
            sum(s.credible) AS may_be_true, {source_trust.counted()}, {source_trust.LOOKED_UP} AS thin
        FROM sources AS s
        WHERE {{these}} AND (noise = '' OR {{noisy}}) AND {{not_these}}
        GROUP BY source
        HAVING max(last_arrived) {_LATELY}
    ) AS grouped
) AS found
{{joined}}
WHERE total > 0 AND score >= {{least}} AND (may_be_true > 0 OR {{impossible}}) AND {{only}}
ORDER BY score DESC, first DESC, source
LIMIT {{most:UInt32}}
"""  # noqa: S608  (ours)
_NEW = {
    "{more}": "toInt64(0)",
    "{joined}": "",
    "{not_these}": f"{SOURCE} NOT IN ({_OLD}) AND {SOURCE} NOT IN ({_DECIDED}) AND {SOURCE} NOT IN ({_TOLD})",
    # What is imported, or was long under way, is told when it is reported again.
    "{only}": f"ended >= fromUnixTimestamp64Milli({{now:Int64}}, 'UTC') - INTERVAL {RECENT_DAYS} DAY",
}
# Seen later than what it was silent since: labels that change touch a source too.
_SILENT = "SELECT key, max(since) AS away FROM silent_sources WHERE {among} GROUP BY key"
_RETURNED = {
    "{more}": "toUnixTimestamp64Milli(away)",
    "{joined}": f"INNER JOIN ({_SILENT}) AS silent ON found.source = silent.key",
    "{not_these}": f"{SOURCE} IN (SELECT key FROM silent_sources)",  # noqa: S608  (ours)
    "{only}": "ended > away AND (source, toString(toUnixTimestamp64Milli(away))) NOT IN ({returned})",
    "{returned}": "SELECT key, occasion FROM alert_events WHERE kind = 'returned' AND {among}",
}
# When the store got its newest row or, of rows from before it wrote that down, when it was seen.
_LAST = "max(greatest(last_arrived, least(last_seen, now64(3, 'UTC'))))"
_FELL_SILENT = f"""
INSERT INTO silent_sources (key, since)
SELECT source, its_last
FROM (
    SELECT {SOURCE} AS source, any(site) AS its_site, {_LAST} AS its_last, sum(reports) AS total
    FROM sources
    WHERE noise = '' OR {{noisy}}
    GROUP BY source
)
WHERE its_last < fromUnixTimestamp64Milli({{now:Int64}}, 'UTC') - toIntervalDay({{days}})
    AND (total >= {FEW_REPORTS} OR source IN (SELECT key FROM alert_events WHERE kind = 'new-source')
        OR source IN ({_DECIDED}))
    AND (source, its_last) NOT IN (SELECT key, since FROM silent_sources)
"""  # noqa: S608  (ours)
ANY_SILENT = "SELECT count() FROM (SELECT 1 FROM silent_sources LIMIT 1)"
FLOODS_TOLD = "SELECT toString(site), occasion FROM alert_events WHERE kind = 'flood' AND site IN {sites:Array(String)}"
HOW_MANY_THIN = f"""
SELECT count()
FROM (
    SELECT sum(reports) AS total, toDate(min(first_seen), 'UTC') AS day, toDate(max(last_seen), 'UTC') AS last_day
    FROM sources WHERE site = {{site:String}} GROUP BY {SOURCE}
)
WHERE day = {{day:Date}} AND last_day = day AND total < {FEW_REPORTS}
"""  # noqa: S608  (ours)


class Found(NamedTuple):
    """A row of a question; times in ms. `away`: since when it was silent, of one that came back."""

    site: str
    directive: str
    blocked: str
    first: int
    last: int
    reports: int
    trust: int
    has_sound: int
    flood: int
    random: int
    narrow: int
    away: int


Question = tuple[str, dict[str, Any]]
"""SQL, and the values of its site rules."""


def new(alerting: AlertingOf, floods: source_trust.Floods, many: int) -> Question:
    """It binds `now`, `since`, `new_since`, `most`, `share` and `shares` too, and `floods`."""
    return _judged(_NEW, alerting, floods, many)


def returned(alerting: AlertingOf, floods: source_trust.Floods, many: int) -> Question:
    """The same without `now` and `new_since`."""
    return _judged(_RETURNED, alerting, floods, many)


def fell_silent(alerting: AlertingOf) -> Question:
    """It binds `now` too."""
    return _ruled(_FELL_SILENT, alerting, {"{days}": "returns_days"})


def _judged(parts: dict[str, str], alerting: AlertingOf, floods: source_trust.Floods, many: int) -> Question:
    sql = _JUDGED
    places = parts | {
        "{judged}": source_trust.judged(floods),
        "{these}": _BY_KEY if many <= SOME else _BY_SHARE,
        "{among}": _AMONG if many <= SOME else "1",
    }
    for place, its in places.items():
        sql = sql.replace(place, its)
    return _ruled(sql, alerting, {"{least}": "min_trust", "{impossible}": "impossible"})


def _ruled(sql: str, alerting: AlertingOf, rules: dict[str, str]) -> Question:
    """With the rules of each site in their places."""
    noisy, values = by_site(alerting, "noise", "site")
    sql = sql.replace("{noisy}", noisy)
    for place, rule in rules.items():
        its, more = by_site(alerting, rule)
        sql, values = sql.replace(place, its), values | more
    return sql, values
