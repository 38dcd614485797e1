"""What a source is worth, 0 to 100: what its reports are worth, who else reports it, and whether a flood brought it.

Addresses are not known, so all that can be told apart are browsers, pages and times. A flood is a day on which a site
gets many sources that nobody else reports: each of them is worth less, as long as it stays like that. One that more
browsers report, or that comes on another day again, is none of them; and whatever is worth little is still shown.

SQL, for who asks about sources: `counted` are sums of one source's rows, `judged` makes the score of them.
"""

from datetime import date
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schema.violation import LEAST_TRUST

FEW_REPORTS = 5  # fewer, on one day only: a source that nobody else may have seen
FLOOD = 200  # new ones like that in a day on one site; real sites were seen to get tens
BROAD = 3  # browsers, by major version, whose reports are sound make a source none of a flood's
MANY_REPORTS = 50  # from one browser, one page and one window they look like one sender
TAKES = {"flood": 40, "random-host": 20, "one-sender": 20}

BLOCKED = "if(blocked_host = '', blocked_kind, blocked_host)"
NAMES = "site, effective_directive, blocked"


def source_of(names: str) -> str:
    """One number for a source, of three columns that have what NAMES say. It is hard to forge.

    To group by it takes 16 bytes a source. Where their names are wanted beside it, to group by these is quicker, but
    takes more memory: a million of them 630 ms of CPU and 520 MiB instead of 940 and 300.
    """
    return f"sipHash128({names})"


SOURCE = source_of(NAMES)
# Where confusing two sources does no harm, the 64-bit hash that stands beside them does: a tenth of the time.
QUICK_SOURCE = "number"

# Of all rows of a source in `sources AS s`: nobody else may have seen it.
THIN = f"sum(s.reports) < {FEW_REPORTS} AND toDate(min(s.first_seen), 'UTC') = toDate(max(s.last_seen), 'UTC')"

_WITHIN = "({within:String} = '' OR site = {within:String})"
# A row that a source has if it is thin. Of what is merged few are like that, some thousand of a month's 200,000; but of
# the newest, which are not merged yet, most.
_THIN_ROW = f"{_WITHIN} AND toDate(last_seen, 'UTC') <= toDate(first_seen, 'UTC') AND reports < {FEW_REPORTS}"
# Whether there can be one: by rows, of which a source has several until they are merged.
_MAY_BE = f"""
SELECT count()
FROM (
    SELECT 1 FROM sources
    WHERE {_THIN_ROW}
    GROUP BY site, toDate(first_seen, 'UTC')
    HAVING count() >= {FLOOD}
    LIMIT 1
)
"""  # noqa: S608  (questions of ours)
# By all rows of those that have such a row. The names may be kept as LowCardinality, and the values that are bound are
# not.
_FLOODS = f"""
SELECT toString(its_site), day
FROM (
    SELECT any(site) AS its_site, toDate(min(s.first_seen), 'UTC') AS day, {THIN} AS thin
    FROM sources AS s
    WHERE {_WITHIN} AND {QUICK_SOURCE} IN (SELECT {QUICK_SOURCE} FROM sources WHERE {_THIN_ROW})
    GROUP BY {SOURCE}
)
WHERE thin
GROUP BY its_site, day
HAVING count() >= {FLOOD}
ORDER BY day DESC
LIMIT 10000
"""  # noqa: S608  (a question of ours)


class Floods(NamedTuple):
    """Sites and days, side by side, for a question to bind."""

    flooded: list[str]
    on: list[date]
    within: str


def floods(client: Client, site: str) -> Floods:
    """Of all reports of a site; of all sites where it is empty."""
    asked = {"within": site}
    if not client.query(_MAY_BE, parameters=asked).result_rows[0][0]:
        return Floods([], [], site)
    found = client.query(_FLOODS, parameters=asked).result_rows
    return Floods([its for its, _ in found], [day for _, day in found], site)


def counted(only: str = "") -> str:
    """Of the rows of one source in `sources AS s`; `only` of those for which that holds.

    Sets of browsers and pages would take a kilobyte a source, and a flood has a million: bits do, of two checksums.
    `sources` keeps these sums by site, directive, what was blocked, its kind and noise (0010).
    """
    names = {
        "sum": {"reports": "total", "sound": "sound_reports", "sound_worth": "all_sound",
                "doubtful": "doubtful_reports", "doubtful_worth": "all_doubtful"},
        "groupBitOr": {"some_browsers": "some", "other_browsers": "others"},
    }  # fmt: skip
    sums = [f"{of_some(aggregate, f's.{column}', only)} AS {name}"
            for aggregate, columns in names.items() for column, name in columns.items()]  # fmt: skip
    least, most = of_some("min", "s.least_sender", only), of_some("max", "s.most_sender", only)
    return ", ".join([*sums, f"{least} = {most} AS at_once"])


def of_some(aggregate: str, value: str, only: str) -> str:
    """The aggregate of all rows where `only` is empty."""
    return f"{aggregate}If({value}, {only})" if only else f"{aggregate}({value})"


_BROWSER = "cityHash64(browser, splitByChar('.', browser_version)[1])"
SENDER = {
    "some_browsers": f"bitShiftLeft(toUInt64(1), {_BROWSER} % 64)",
    "other_browsers": f"bitShiftLeft(toUInt64(1), intDiv({_BROWSER}, 64) % 64)",
    "sender": "cityHash64(browser, splitByChar('.', browser_version)[1], document_url, window)",
}
"""What a row of `violations` adds to those sums; 0010 says the same."""

LOOKED_UP = f"""source NOT IN (
    SELECT {SOURCE} AS source
    FROM sources AS s
    WHERE {{within:String}} = '' OR site = {{within:String}}
    GROUP BY source
    HAVING NOT ({THIN})
)"""  # noqa: S608  (ours)
"""THIN, for who has not all rows of a source. Beside a million there is no memory for both: 12 s instead of 3."""

_IN_A_FLOOD = f"""
    greatest(bitCount(some), bitCount(others)) < {BROAD}
    AND (its_site, toDate(first, 'UTC')) IN (SELECT arrayJoin(arrayZip({{flooded:Array(String)}}, {{on:Array(Date)}})))
    AND thin
"""
# Long, and letters and digits take turns in it, or they are hexadecimal digits, or it can't be spoken: by expressions,
# because the entropy of a million hosts takes ten times as long.
_RANDOM = """
    match(its_blocked, '[a-z0-9-]{10}')
    AND match(its_blocked, '[0-9][a-z]+[0-9]|[0-9]{6}|[0-9a-f]{12}|[bcdfghjklmnpqrstvwxz]{5}')
"""


def judged(its: Floods) -> str:
    """Columns made of what is `counted`, and of `its_site`, `its_blocked`, `first`, `thin`: `score`, and its reasons.

    Where some of its reports are sound, the others count for nothing: what is forged takes nothing from a real source.
    """
    return f"""
    sound_reports > 0 AS has_sound,
    if(has_sound, all_sound / sound_reports, all_doubtful / greatest(doubtful_reports, 1)) AS of_reports,
    {_IN_A_FLOOD if its.on else "0"} AS flood, {f"flood AND {_RANDOM}" if its.on else "0"} AS random,
    at_once AND total >= {MANY_REPORTS} AS narrow,
    {TAKES["flood"]} * flood + {TAKES["random-host"]} * random + {TAKES["one-sender"]} * narrow AS taken_off,
    toUInt8(greatest(0, least(100, round(of_reports - taken_off)))) AS score, score >= {LEAST_TRUST} AS trusted
    """


TAKEN = f"groupUniqArrayIf(32)(concat(if(best >= {LEAST_TRUST}, '+', '-'), reasons), reasons != '')"
"""The `reasons` of violations that are worth `best`, marked by whether they are sound all the same."""


def reasons(taken: list[str], has_sound: Any, flood: Any, random: Any, narrow: Any) -> list[str]:
    """Names, sorted; those of reports that don't count are left out."""
    found = {name for marked in taken if marked[0] == "+" or not has_sound for name in marked[1:].split()}
    own = zip(TAKES, (flood, random, narrow), strict=True)
    return sorted(found | {name for name, holds in own if holds})
