"""What a source is worth, 0 to 100: what its reports are worth, who else reports it, and whether a flood brought it.

Addresses are not known, so all that can be told apart are browsers, pages and times. A flood is a day on which a site
gets many sources that nobody else reports: each of them is worth less, as long as it stays like that. One that more
browsers report, or that comes on another day again, is none of them; and whatever is worth little is still shown.
"""

from datetime import date
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.filters import Filters, Where
from dashboards.relations import KEY
from schema.keys import LIVE
from schema.violation import LEAST_TRUST

FEW_REPORTS = 5  # fewer, on one day only: a source that nobody else may have seen
FLOOD = 200  # new ones like that in a day on one site; real sites were seen to get tens
VOUCHED = 2  # browsers, by major version, whose sound reports count alone: others' forged ones take nothing away
BROAD = 3  # such browsers make a source none of a flood's
MANY_REPORTS = 50  # from one browser, one page and one window they look like one sender
TAKES = {"flood": 60, "random-host": 20, "one-sender": 20}

# One number for the three names: to group a million of them by it takes a quarter of the time.
SOURCE = "sipHash128(site, effective_directive, blocked)"

_FLOODS = f"""
SELECT toString(its_site), day
FROM (
    SELECT any(site) AS its_site, toDate(min(first_seen), 'UTC') AS day,
        sum(reports) < {FEW_REPORTS} AND day = toDate(max(last_seen), 'UTC') AS thin
    FROM sources
    WHERE {{within:String}} = '' OR site = {{within:String}}
    GROUP BY {SOURCE}
)
WHERE thin
GROUP BY its_site, day
HAVING count() >= {FLOOD}
ORDER BY day DESC
LIMIT 10000
"""  # noqa: S608  (a question of ours)


class Floods(NamedTuple):
    """Sites and days, side by side."""

    flooded: list[str]
    on: list[date]
    within: str


def floods(client: Client, filters: Filters) -> Floods:
    """Of all reports of the filters' site, whatever else they choose."""
    within = filters.site or ""
    found = ask(client, _FLOODS, Where("", {}), within=within)
    return Floods([site for site, _ in found], [day for _, day in found], within)


BLOCKED = "if(blocked_host = '', blocked_kind, blocked_host)"
# Sets of browsers and pages would take a kilobyte a source, and a flood has a million: bits do, of two checksums each.
_BROWSER = "cityHash64(browser, splitByChar('.', browser_version)[1])"
_PAGE = "cityHash64(document_url)"
# A row a key, as after a merge: else a forged row counts apart until its real one is merged with it, and what got
# another label still shows under the old one.
ROWS = f"""
    SELECT site AS of_site, any(effective_directive) AS of_directive, any({BLOCKED}) AS of_blocked,
        min(first_seen) AS began, sum(reports) AS counted, max(trust) AS best, any({_BROWSER}) AS its_browser,
        any({_PAGE}) AS its_page, min(window) AS of_window,
        max(last_window) AS of_last_window
    FROM {{rows}}
    GROUP BY {", ".join(KEY)}
    {LIVE}
"""  # noqa: S608  (a question of ours)
_SOUND = f"best >= {LEAST_TRUST}"
COUNTED = f"""
    sum(counted) AS total, sum(counted * best) AS worth, sumIf(counted, {_SOUND}) AS sound,
    sumIf(counted * best, {_SOUND}) AS sound_worth,
    groupBitOrIf(bitShiftLeft(toUInt64(1), its_browser % 64), {_SOUND}) AS some_browsers,
    groupBitOrIf(bitShiftLeft(toUInt64(1), intDiv(its_browser, 64) % 64), {_SOUND}) AS other_browsers,
    min(its_browser) = max(its_browser) AND min(its_page) = max(its_page)
        AND min(of_window) = max(of_last_window) AS at_once
"""
"""Of ROWS, for each source."""

_ESTABLISHED = f"""
SELECT {SOURCE} AS source
FROM sources
WHERE {{within:String}} = '' OR site = {{within:String}}
GROUP BY source
HAVING sum(reports) >= {FEW_REPORTS} OR toDate(min(first_seen), 'UTC') < toDate(max(last_seen), 'UTC')
"""  # noqa: S608
_IN_A_FLOOD = f"""
    sound_browsers < {BROAD}
    AND (its_site, toDate(first, 'UTC')) IN (SELECT arrayJoin(arrayZip({{flooded:Array(String)}}, {{on:Array(Date)}})))
    AND source NOT IN ({_ESTABLISHED})
"""
# Long, and letters and digits take turns in it, or it can't be spoken: by expressions, because the entropy of a million
# hosts takes ten times as long.
_RANDOM = """
    match(its_blocked, '[a-z0-9-]{10}') AND match(its_blocked, '[0-9][a-z]+[0-9]+[a-z]|[bcdfghjklmnpqrstvwxz]{5}')
"""


def judged(its: Floods) -> str:
    """Columns made of what is COUNTED: the score, and what its reasons are made of."""
    return f"""
    greatest(bitCount(some_browsers), bitCount(other_browsers)) AS sound_browsers,
    sound_browsers >= {VOUCHED} AND sound > 0 AS vouched,
    if(vouched, sound_worth / sound, worth / greatest(total, 1)) AS of_reports,
    {_IN_A_FLOOD if its.on else "0"} AS flood, {f"flood AND {_RANDOM}" if its.on else "0"} AS random,
    at_once AND total >= {MANY_REPORTS} AS narrow,
    {TAKES["flood"]} * flood + {TAKES["random-host"]} * random + {TAKES["one-sender"]} * narrow AS taken_off,
    toUInt8(greatest(0, least(100, round(of_reports - taken_off)))) AS score
    """


TAKEN = f"groupUniqArrayIf(32)(concat(if(best >= {LEAST_TRUST}, '+', '-'), reasons), reasons != '')"
"""The reports' `reasons`, marked by whether they are sound all the same."""


def reasons(taken: list[str], vouched: Any, flood: Any, random: Any, narrow: Any) -> list[str]:
    """Names, sorted; those of reports that don't count are left out."""
    found = {name for marked in taken if marked[0] == "+" or not vouched for name in marked[1:].split()}
    own = zip(TAKES, (flood, random, narrow), strict=True)
    return sorted(found | {name for name, holds in own if holds})
