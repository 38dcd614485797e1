"""How much of a spike is worth something: an estimate, because only windows know what each report is worth."""

from clickhouse_connect.driver.client import Client

from alerts.asking import ask
from schema.keys import COUNTED_BY
from schema.violation import WINDOW_SECONDS

BEFORE = 5  # minutes that a minute is compared with
COUNTED = "noise = '' AND verdict != 'impossible'"  # of what a spike is made
_MINUTE = 60

_START, _OF_WINDOW = "toDateTime({start:UInt32}, 'UTC')", "toDateTime({window:UInt32}, 'UTC')"
_OF_IT = f"""
    SELECT {COUNTED_BY},
        sumIf(reports, minute = {_START}) AS its,
        toFloat64(sumIf(reports, minute < {_START} AND minute >= {_OF_WINDOW})) AS earlier,
        sumIf(reports, minute < {_START} AND minute >= {_START} - {BEFORE * _MINUTE}) / {BEFORE} AS average
    FROM minutes
    WHERE site = {{site:String}} AND {COUNTED}
        AND minute >= {_OF_WINDOW} - {WINDOW_SECONDS} AND minute <= {_START}
    GROUP BY {COUNTED_BY}
"""  # noqa: S608  (ours)
_OF_WINDOWS = f"""
    SELECT {COUNTED_BY},
        sumIf(reports, window >= {_OF_WINDOW}) AS here,
        sumIf(reports, window >= {_OF_WINDOW} AND trust >= {{least:UInt8}}) AS sound_here,
        sumIf(reports, window < {_OF_WINDOW}) AS before,
        sumIf(reports, window < {_OF_WINDOW} AND trust >= {{least:UInt8}}) AS sound_before
    FROM violations
    WHERE site = {{site:String}} AND {COUNTED}
        AND window >= {_OF_WINDOW} - {WINDOW_SECONDS} AND window <= toDateTime({{last:UInt32}}, 'UTC')
    GROUP BY {COUNTED_BY}
"""  # noqa: S608  (ours)
# By the groups that minutes count by: forged reports have no browser, or another, or other hosts. Where a group has
# both kinds, the window's earlier minutes are taken to have had as many sound ones each as those of the window before.
# One without violations, which `forget` leaves for a moment, counts in the minutes before alone: that makes no spike.
_WORTH = f"""
WITH sound_before * {_MINUTE} / {WINDOW_SECONDS} AS usual,
    least(earlier, usual * (({{start:UInt32}} - {{window:UInt32}}) / {_MINUTE})) AS sound_earlier,
    greatest(0, sound_here - sound_earlier) / greatest(1, here - earlier) AS share
SELECT sum(its * least(1, share)),
    sum(if(sound_here = here AND sound_before = before, average, least(average, usual)))
FROM ({_OF_IT}) AS of_it LEFT JOIN ({_OF_WINDOWS}) AS of_windows USING ({COUNTED_BY})
"""  # noqa: S608  (ours)


def worth(client: Client, site: str, start: int, last: int, least: int) -> tuple[float, float]:
    """Reports whose trust is at least `least`: in the spike's first minute, and a minute in those before it.

    `start` and `last`: its first minute and its last one so far, in s since the epoch. Raises ClickHouseError.
    """
    window = start // WINDOW_SECONDS * WINDOW_SECONDS
    [(its, average)] = ask(client, _WORTH, site=site, start=start, last=last, window=window, least=least)
    return its, average
