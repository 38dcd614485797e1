"""What a source is worth, 0 to 100: what its reports are worth, who else reports it, and whether a flood brought it.

Addresses are not known, so all that can be told apart are browsers, pages and times. A flood is a day on which a site
gets many sources that nobody else reports: each of them is worth less, as long as it stays like that. One that more
browsers report, or that comes on another day again, is none of them; and whatever is worth little is still shown.
"""

from schema.violation import LEAST_TRUST

FEW_REPORTS = 5  # fewer, on one day only: a source that nobody else may have seen
FLOOD = 200  # new ones like that in a day on one site; real sites were seen to get tens
VOUCHED = 2  # browsers, by major version, whose sound reports count alone: others' forged ones take nothing away
BROAD = 3  # such browsers make a source none of a flood's
MANY_REPORTS = 50  # from one browser, one page and one window they look like one sender
TAKES = {"flood": 60, "random-host": 20, "one-sender": 20}

# Marked by whether the report was sound.
_MARK = f"if(trust >= {LEAST_TRUST}, '+', '-')"
COUNTED = f"""
    groupUniqArray(64)(concat({_MARK}, browser, '/', splitByChar('.', browser_version)[1])) AS majors,
    groupUniqArrayIf(8)(concat({_MARK}, trust_reasons), trust_reasons != '') AS taken,
    sum(reports * trust) AS worth, sumIf(reports, trust >= {LEAST_TRUST}) AS sound,
    sumIf(reports * trust, trust >= {LEAST_TRUST}) AS sound_worth, min(window) = max(window) AS at_once
"""
"""Of the rows of `violations`, for each source."""

_FLOODS = f"""
SELECT site, day
FROM (
    SELECT site, toDate(min(first_seen), 'UTC') AS day,
        sum(reports) < {FEW_REPORTS} AND day = toDate(max(last_seen), 'UTC') AS thin
    FROM sources
    WHERE {{within:String}} = '' OR site = {{within:String}}
    GROUP BY site, effective_directive, blocked
)
WHERE thin
GROUP BY site, day
HAVING count() >= {FLOOD}
"""  # noqa: S608  (a question of ours)
_ESTABLISHED = f"""
SELECT site, effective_directive, blocked
FROM sources
WHERE {{within:String}} = '' OR site = {{within:String}}
GROUP BY site, effective_directive, blocked
HAVING sum(reports) >= {FEW_REPORTS} OR toDate(min(first_seen), 'UTC') < toDate(max(last_seen), 'UTC')
"""  # noqa: S608
# Some label is long, uses many characters evenly, and has digits among them or can't be spoken.
_RANDOM = """
arrayExists(label -> length(label) >= 10 AND arrayReduce('entropy', splitByString('', label)) >= 3
    AND (countMatches(label, '[0-9]') >= 2 OR countMatches(label, '[aeiouy]') * 5 < length(label)),
    splitByChar('.', blocked))
"""
JUDGED = f"""
    arrayCount(major -> startsWith(major, '+'), majors) AS sound_majors,
    sound_majors >= {VOUCHED} AND sound > 0 AS vouched,
    if(vouched, sound_worth / sound, worth / greatest(total, 1)) AS of_reports,
    sound_majors < {BROAD} AND (site, toDate(first, 'UTC')) IN ({_FLOODS})
        AND (site, effective_directive, blocked) NOT IN ({_ESTABLISHED}) AS flood,
    flood AND {_RANDOM} AS random,
    at_once AND on_pages = 1 AND total >= {MANY_REPORTS} AND length(majors) = 1 AS narrow,
    {TAKES["flood"]} * flood + {TAKES["random-host"]} * random + {TAKES["one-sender"]} * narrow AS taken_off,
    toUInt8(greatest(0, least(100, round(of_reports - taken_off)))) AS score
"""
"""Of what is COUNTED: the score, and what the reasons are made of."""


def reasons(vouched: bool, taken: list[str], flood: bool, random: bool, narrow: bool) -> list[str]:
    """Names, sorted; those of reports that don't count are left out."""
    found = {name for marked in taken if marked[0] == "+" or not vouched for name in marked[1:].split()}
    own = zip(TAKES, (flood, random, narrow), strict=True)
    return sorted(found | {name for name, holds in own if holds})
