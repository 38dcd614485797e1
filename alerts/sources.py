"""Sources never seen before, and known ones that come back: judged set by set where they are stored, however many."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from alerts import evidence
from alerts.asking import ask, by_site
from alerts.events import Event, title
from alerts.looking import Look
from alerts.texts import count
from schema import source_trust
from schema.alerting import AlertingOf
from schema.source_trust import FEW_REPORTS, SOURCE, Floods

MOST = 5000  # events a pass; what is left is found by the next
_BUCKET = 100_000  # sources judged at once
_FLOODS_TAKE = 5  # times what it took to find the floods, they are remembered

_KEY = "site, effective_directive, blocked"
_TOUCHED = f"""
    SELECT {_KEY} FROM sources
    WHERE last_arrived >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
        AND cityHash64({_KEY}) % {{buckets:UInt32}} = {{bucket:UInt32}}
"""  # noqa: S608  (questions of ours, here and below)
_HOW_MANY = f"""
SELECT uniqCombined(12)({SOURCE}) FROM sources WHERE last_arrived >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
"""  # noqa: S608
_DECIDED = f"""
    SELECT {SOURCE} FROM source_states
    GROUP BY {_KEY} HAVING argMax(toString(state), changed) IN ('known', 'ignored')
"""  # noqa: S608
_OF_TOUCHED = f"SELECT {SOURCE} FROM sources WHERE ({_KEY}) IN ({_TOUCHED})"  # noqa: S608
# A row that came in before tells that it isn't new, whatever its label: labels change.
_OLD = f"""
    SELECT {SOURCE} FROM sources
    WHERE arrived < fromUnixTimestamp64Milli({{new_since:Int64}}, 'UTC') AND ({_KEY}) IN ({_TOUCHED})
"""  # noqa: S608
_TOLD = f"SELECT key FROM alert_events WHERE kind = 'new-source' AND key IN ({_OF_TOUCHED})"  # noqa: S608
_JUDGED = f"""
SELECT toString(its_site), toString(its_directive), its_blocked, toUnixTimestamp64Milli(first) AS began,
    toUnixTimestamp64Milli(ended), total, score, has_sound, flood, random, narrow, {{more}}
FROM (
    SELECT *, {{judged}}
    FROM (
        SELECT {SOURCE} AS source, any(s.site) AS its_site, any(s.effective_directive) AS its_directive,
            any(s.blocked) AS its_blocked, min(s.first_seen) AS first, max(s.last_seen) AS ended,
            sum(s.credible) AS may_be_true, {source_trust.COUNTED}
        FROM sources AS s
        WHERE ({_KEY}) IN ({{these}}) AND (noise = '' OR {{noisy}})
        GROUP BY source
    ) AS grouped
) AS found
{{joined}}
WHERE total > 0 AND score >= {{least}} AND (may_be_true > 0 OR {{impossible}})
    AND {{only}}
ORDER BY score DESC, total DESC, source
LIMIT {{most:UInt32}}
"""  # noqa: S608
_NEW = (
    _JUDGED.replace("{these}", _TOUCHED)
    .replace("{more}", "toInt64(0)")
    .replace("{joined}", "")
    .replace("{only}", f"source NOT IN ({_OLD}) AND source NOT IN ({_DECIDED}) AND source NOT IN ({_TOLD})")
)
# Touched, and seen later than what it was silent since: labels that change touch a source too.
_SILENT = f"SELECT key, max(since) AS away FROM silent_sources WHERE key IN ({_OF_TOUCHED}) GROUP BY key"  # noqa: S608
_RETURNED_TOLD = f"SELECT key, occasion FROM alert_events WHERE kind = 'returned' AND key IN ({_OF_TOUCHED})"  # noqa: S608
_RETURNED = (
    _JUDGED.replace("{these}", _TOUCHED)
    .replace("{more}", "toUnixTimestamp64Milli(away)")
    .replace("{joined}", f"INNER JOIN ({_SILENT}) AS silent ON found.source = silent.key")
    .replace(
        "{only}",
        f"ended > away AND (source, toString(toUnixTimestamp64Milli(away))) NOT IN ({_RETURNED_TOLD})",
    )
)
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
"""  # noqa: S608


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


class Sources:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._floods = Floods([], [], "")
        self._floods_hold = 0.0  # until, by our clock

    def look(self, at: Look) -> Iterator[list[Event]]:
        """What is new among what the store got since, and what came back; some at a time. Raises ClickHouseError."""
        [(many,)] = ask(self._client, _HOW_MANY, since=at.since)
        if not many:
            return
        floods = self._current_floods()
        yield self._flooded(floods, at)
        buckets = -(-int(many) // _BUCKET)
        for bucket in range(buckets):
            asked = {"buckets": buckets, "bucket": bucket, "since": at.since}
            yield from self._new(floods, at, asked)
            found = self._judged(_RETURNED, floods, at, asked)
            yield evidence.returned(self._client, found, at)

    def fell_silent(self, at: Look) -> None:
        """Writes down which known sources are away by now. Raises ClickHouseError."""
        sql, values = _ruled(_FELL_SILENT, at.alerting, {"days": "returns_days"})
        self._client.command(sql, parameters={"now": at.now, **values})

    def _new(self, floods: Floods, at: Look, asked: dict[str, Any]) -> Iterator[list[Event]]:
        while True:  # what is written down is not found again
            found = self._judged(_NEW, floods, at, asked | {"new_since": at.new_since})
            yield evidence.new(self._client, found, at)
            if len(found) < MOST:
                return

    def _judged(self, sql: str, floods: Floods, at: Look, asked: dict[str, Any]) -> list[Found]:
        question, values = _ruled(sql, at.alerting, {"least": "min_trust", "impossible": "impossible"})
        question = question.replace("{judged}", source_trust.judged(floods))
        given = {**asked, **floods._asdict(), **values, "most": MOST}
        return [Found(*row) for row in ask(self._client, question, **given)]

    def _current_floods(self) -> Floods:
        """They are looked for in all sources, which takes half a second where there are a million."""
        if time.monotonic() >= self._floods_hold:
            began = time.monotonic()
            self._floods = source_trust.floods(self._client, "")
            took = time.monotonic() - began
            self._floods_hold = time.monotonic() + _FLOODS_TAKE * took if took > 0.1 else 0.0
        return self._floods

    def _flooded(self, floods: Floods, at: Look) -> list[Event]:
        """One event a site and day: the sources themselves are silent, as long as they are worth so little."""
        today = datetime.fromtimestamp(at.now / 1000, UTC).date()
        days = [(site, day) for site, day in zip(floods.flooded, floods.on, strict=True)
                if (today - day).days <= 1 and _noon(day) > at.new_since - 43_200_000]  # fmt: skip
        if not days:
            return []
        told = {tuple(row) for row in ask(self._client, _FLOODS_TOLD, sites=[site for site, _ in days])}
        return [self._flood(site, day, at) for site, day in days if (site, str(day)) not in told]

    def _flood(self, site: str, day: date, at: Look) -> Event:
        [(many,)] = ask(self._client, _THIN, site=site, day=str(day))
        says = f"{count(many, 'new source')} with few reports on {day}, all silent: it looks like a flood"
        path = evidence.path("/sources", site=site, state="new")
        found = {"day": str(day), "sources": many, "path": path}
        its_title = title("flood", site, more=says)
        return Event(kind="flood", site=site, occasion=str(day), time=at.now, title=its_title, evidence=found)


_FLOODS_TOLD = """
SELECT toString(site), occasion FROM alert_events WHERE kind = 'flood' AND site IN {sites:Array(String)}
"""
_THIN = f"""
SELECT count()
FROM (
    SELECT sum(reports) AS total, toDate(min(first_seen), 'UTC') AS day, toDate(max(last_seen), 'UTC') AS last_day
    FROM sources WHERE site = {{site:String}} GROUP BY {SOURCE}
)
WHERE day = {{day:Date}} AND last_day = day AND total < {FEW_REPORTS}
"""  # noqa: S608


def _ruled(sql: str, alerting: AlertingOf, rules: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The question with the rules of each site in their places, and the values they bind."""
    noisy, values = by_site(alerting, "noise", "site")
    sql = sql.replace("{noisy}", noisy)
    for place, rule in rules.items():
        its, more = by_site(alerting, rule)
        sql, values = sql.replace(f"{{{place}}}", its), values | more
    return sql, values


def _noon(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)
