"""What the roll-ups lack: weeks of before they were there (0009), and the days before `days_since` (0015).

Only those migrations write it, before this version can ask anything, so a client asks for it once. Mostly nothing is
lacking, and then a question about whole weeks names no other table: that spares 5 to 9 ms of planning.
"""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from schema.violation import WEEK_SECONDS

_ASKED = """
SELECT (SELECT groupUniqArray(toUnixTimestamp(toDateTime(week, 'UTC'))) FROM rollup_gaps),
    toUnixTimestamp(toDateTime(max(since), 'UTC'))
FROM days_since
"""


class Gaps(NamedTuple):
    """`weeks`: their Mondays; all in s."""

    weeks: tuple[int, ...]
    days_since: int

    def within(self, start: int | None, end: int | None) -> list[int]:
        """The weeks that have a time of start…end; None: from ever, for ever."""
        return [
            week for week in self.weeks
            if (start is None or week + WEEK_SECONDS > start) and (end is None or week < end)
        ]  # fmt: skip


_found: WeakKeyDictionary[Client, Gaps] = WeakKeyDictionary()


def gaps(client: Client) -> Gaps:
    if client not in _found:
        [(weeks, days_since)] = ask(client, _ASKED)
        _found[client] = Gaps(tuple(sorted(weeks)), days_since)
    return _found[client]
