"""How much a site reports: suddenly more, or nothing at all any more."""

from collections.abc import Iterator
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from alerts.asking import ask, by_site
from alerts.events import Event, title
from alerts.evidence import path
from alerts.looking import Look
from alerts.texts import clean, moment
from alerts.worth import BEFORE, COUNTED, worth
from schema.alerting import Alerting
from schema.violation import WINDOW_SECONDS
from schema.written import times, written_ms

CALM = 10  # minutes below, and a spike is over
_RECENT = 5  # full minutes that are looked at: rows come late
_BACK = 60  # minutes that are asked for
_WHOLE_DAY = 24
_MINUTE, _HOUR = 60, 3600

_MINUTES = f"""
SELECT toString(site) AS its_site, groupArray((toUnixTimestamp(minute), total))
FROM (
    SELECT site, minute, sum(reports) AS total FROM minutes
    WHERE {COUNTED}
        AND minute >= toDateTime({{begin:UInt32}}, 'UTC') AND minute < toDateTime({{end:UInt32}}, 'UTC')
    GROUP BY site, minute
)
GROUP BY its_site
HAVING maxIf(total, minute >= toDateTime({{recent:UInt32}}, 'UTC')) >= {{floor}}
"""  # noqa: S608  (ours)
# A site that has only begun to report has no average yet.
_BEGAN = "SELECT count() > 0 FROM minutes WHERE site = {site:String} AND minute <= toDateTime({begin:UInt32}, 'UTC')"
_SPIKES_TOLD = """
SELECT toString(site), toUInt32(occasion) FROM alert_events
WHERE kind = 'spike' AND site IN {sites:Array(String)} AND recorded > fromUnixTimestamp64Milli({after:Int64}, 'UTC')
"""
_BIGGEST = f"""
SELECT toString(effective_directive) AS its, blocked_host, toString(any(blocked_kind)), sum(reports) AS total
FROM minutes
WHERE site = {{site:String}} AND {COUNTED}
    AND minute >= toDateTime({{begin:UInt32}}, 'UTC') AND minute < toDateTime({{end:UInt32}}, 'UTC')
GROUP BY its, blocked_host
ORDER BY total DESC
LIMIT 3
"""  # noqa: S608  (ours)


class _Spike(NamedTuple):
    site: str
    start: int  # the minute, s since the epoch
    last: int  # its last minute so far
    reports: int  # in the first
    average: float  # of the minutes before


def spikes(client: Client, at: Look) -> list[Event]:
    """Those that began, or went on, in the last full minutes and are not told yet. Raises ClickHouseError."""
    end = at.now // 1000 // _MINUTE * _MINUTE
    floor, values = by_site(at.alerting, "spike_reports")
    asked = {"begin": end - (_BACK + BEFORE) * _MINUTE, "end": end, "recent": end - _RECENT * _MINUTE, **values}
    found = ask(client, _MINUTES.replace("{floor}", floor), **asked)
    current = [spike for site, series in found for spike in _of(site, dict(series), end, at.alerting(site))]
    if not current:
        return []
    told = ask(client, _SPIKES_TOLD, sites=sorted({one.site for one in current}), after=at.now - 2 * _HOUR * 1000)
    untold = [one for one in current if not any(_same(one, site, start) for site, start in told)]
    return [_spiked(client, one) for one in untold if _is_real(client, one, at.alerting(one.site))]


def _is_real(client: Client, spike: _Spike, rules: Alerting) -> bool:
    """Not the site's first minutes, and still one without what is worth too little to tell of."""
    [(known,)] = ask(client, _BEGAN, site=spike.site, begin=spike.start - BEFORE * _MINUTE)
    if not known:
        return False
    reports, average = worth(client, spike.site, spike.start, spike.last, rules.min_trust)
    return _exceeds(reports, average, rules)


def _of(site: str, series: dict[int, int], end: int, rules: Alerting) -> Iterator[_Spike]:
    """The spike that goes on in the last minutes, from its first minute on, if there is one."""
    high = [minute for minute in range(end - _BACK * _MINUTE, end, _MINUTE) if _is_high(series, minute, rules)]
    if not high or high[-1] < end - _RECENT * _MINUTE:
        return
    start = high[-1]
    for minute in reversed(high):
        if start - minute > CALM * _MINUTE:
            break
        start = minute
    yield _Spike(site, start, high[-1], series[start], _average(series, start))


def _is_high(series: dict[int, int], minute: int, rules: Alerting) -> bool:
    return _exceeds(series.get(minute, 0), _average(series, minute), rules)


def _exceeds(reports: float, average: float, rules: Alerting) -> bool:
    return (
        reports >= rules.spike_reports
        and reports - average >= rules.spike_more
        and reports * 100 > average * rules.spike_percent
    )


def _average(series: dict[int, int], minute: int) -> float:
    return sum(series.get(minute - back * _MINUTE, 0) for back in range(1, BEFORE + 1)) / BEFORE


def _window(second: int) -> int:
    return second // WINDOW_SECONDS * WINDOW_SECONDS


def _same(spike: _Spike, site: str, start: int) -> bool:
    """Rows that come late move the begin a little."""
    calm = CALM * _MINUTE
    return spike.site == site and spike.start - calm <= start <= spike.last + calm


def _spiked(client: Client, spike: _Spike) -> Event:
    end = spike.last + _MINUTE
    biggest = ask(client, _BIGGEST, site=spike.site, begin=spike.start, end=end)
    spread = "; ".join(
        f"{clean(directive, 40)} {clean(host or kind, 80)} {total:,}" for directive, host, kind, total in biggest
    )
    jumped = f"{times(spike.reports, 'report')} in the minute of {moment(spike.start * 1000)}"
    says = f"{jumped}, {spike.average:,.0f} a minute before"
    period = {"from": _written(_window(spike.start)), "to": _written(_window(spike.last) + WINDOW_SECONDS)}
    return Event(
        kind="spike",
        site=spike.site,
        occasion=str(spike.start),
        time=spike.start * 1000,
        title=title("spike", spike.site, more=says),
        evidence={
            "reports": spike.reports,
            "average": round(spike.average, 1),
            "since": spike.start * 1000,
            "spread": f"most of it: {spread}",
            "path": path("/violations", site=spike.site, **period),
        },
    )


def _written(second: int) -> str:
    return written_ms(second * 1000).replace(".000Z", "Z")


_QUIET = """
SELECT its_site, last, (SELECT max(minute) FROM ledger WHERE {accepted}
        AND minute >= toDateTime({begin:UInt32}, 'UTC')) AS of_any
FROM (
    SELECT toString(site) AS its_site, max(minute) AS last,
        uniqExact(intDiv(toUnixTimestamp(last_of_all) - toUnixTimestamp(minute), 3600)) AS hours
    FROM (
        SELECT site, minute, max(minute) OVER (PARTITION BY site) AS last_of_all
        FROM (
            SELECT site, minute FROM ledger
            WHERE {accepted} AND minute >= toDateTime({begin:UInt32}, 'UTC')
            GROUP BY site, minute HAVING sum(reports) > 0
        )
    )
    WHERE minute > last_of_all - 86400
    GROUP BY its_site
)
WHERE hours = 24 AND last + 60 <= toDateTime({now:UInt32}, 'UTC') - 60 * {minutes}
    AND (its_site, toString(toUnixTimestamp(last))) NOT IN
        (SELECT toString(site), occasion FROM alert_events WHERE kind = 'silence')
"""
# What is refused may come from anybody: the nameless site is of posts whose label is wrong.
_ACCEPTED = "site != '' AND outcome NOT IN ('received', 'rejected')"
_UNKNOWN_LAG_SECONDS = 600


def silences(client: Client, at: Look, lag: float | None) -> list[Event]:
    """Sites that reported in each of 24 hours, and then nothing. Raises ClickHouseError.

    Not while the log is behind, and not of a time in which nobody here was looking: then it may be we who were silent.
    `lag` None: not known; then another site has to report.
    """
    if lag is not None and lag > _MINUTE:
        return []
    minutes, values = by_site(at.alerting, "silence_minutes")
    now = at.now // 1000
    asked = {"begin": now - 2 * _WHOLE_DAY * _HOUR, "now": now, **values}
    events = []
    for site, last, of_any in ask(
        client, _QUIET.replace("{minutes}", minutes).replace("{accepted}", _ACCEPTED), **asked
    ):
        waited = at.alerting(site).silence_minutes * _MINUTE
        awake = now - at.awake // 1000 >= waited
        if awake and (lag is not None or now - of_any.timestamp() < _UNKNOWN_LAG_SECONDS):
            events.append(_silent(site, int(last.timestamp()), at))
    return events


def _silent(site: str, last: int, at: Look) -> Event:
    says = f"since {moment(last * 1000)}, after reports in every hour of a day"
    return Event(
        kind="silence",
        site=site,
        occasion=str(last),
        time=at.now,
        title=title("silence", site, more=says),
        evidence={
            "since": last * 1000,
            "note": "Is the site up, does it still send its policy, and does the collector's address still work there?",
            "path": path("/violations", site=site),
        },
    )
