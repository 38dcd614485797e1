"""Sources never seen before, and known ones that come back: judged set by set where they are stored, however many."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from alerts import evidence
from alerts import source_questions as questions
from alerts.asking import ask
from alerts.events import Event, title
from alerts.looking import Look
from alerts.source_questions import Found
from schema import source_trust
from schema.source_trust import Floods
from schema.store import first_line
from schema.written import times

logger = logging.getLogger("sentinel.alerts")
MOST = 5000  # events at a time
_FLOODS_TAKE = 5  # times what it took to find the floods, they are remembered


class Sources:
    client: Client  # set before use, and anew after an error

    def __init__(self, reconnect: Callable[[], None]) -> None:
        """`reconnect` sets another client."""
        self._reconnect = reconnect
        self._floods = Floods([], [], "")
        self._floods_hold = 0.0  # until, by our clock
        self._any_silent = 0

    def look(self, at: Look) -> Iterator[list[Event]]:
        """What is new among what the store got since, and what came back; some at a time. Raises ClickHouseError.

        What is yielded is written down before the next is asked for: so it is not found again.
        """
        [(many,)] = ask(self.client, questions.HOW_MANY, since=at.since)
        if not many:
            return
        floods = self._current_floods()
        yield self._flooded(floods, at)
        shares = max(1, -(-int(many) // questions.AT_ONCE))
        for share in range(shares):
            asked = {"since": at.since, "shares": shares, "share": share, "most": MOST, **floods._asdict()}
            full = True
            while full:
                sql, values = questions.new(at.alerting, floods, many)
                found = self._found(sql, **asked, **values, now=at.now, new_since=at.new_since)
                # Of a flood the newest, and no more: the one that matters may come after a million others.
                full = len(found) == MOST and not found[-1].flood
                yield evidence.new(found, self._details(evidence.since_first(found), found))
            if self._any_silent:
                sql, values = questions.returned(at.alerting, floods, many)
                found = self._found(sql, **asked, **values)
                decisions = evidence.decisions(self.client, found)
                yield evidence.returned(found, self._details(evidence.since_last(found), found), decisions)

    def _details(self, since: int, found: Sequence[Found]) -> evidence.Details:
        """Of some; of none where it takes too long: an event that says little is better than none."""
        try:
            return evidence.details(self.client, found[: evidence.DETAILED], since)
        except (ClickHouseError, OSError) as error:
            logger.warning("there is no evidence of new sources: %s", first_line(error))
            self._reconnect()
            return {}

    def fell_silent(self, at: Look) -> list[list[Event]]:
        """Writes down which known sources are away by now, which is no event. Raises ClickHouseError."""
        sql, values = questions.fell_silent(at.alerting)
        self.client.command(sql, parameters={"now": at.now, **values})
        [(self._any_silent,)] = ask(self.client, questions.ANY_SILENT)
        return []

    def _found(self, sql: str, **values: Any) -> list[Found]:
        return [Found(*row) for row in ask(self.client, sql, **values)]

    def _current_floods(self) -> Floods:
        """They are looked for in all sources, which takes half a second where there are a million."""
        if time.monotonic() >= self._floods_hold:
            began = time.monotonic()
            self._floods = source_trust.floods(self.client, "")
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
        told = {tuple(row) for row in ask(self.client, questions.FLOODS_TOLD, sites=[site for site, _ in days])}
        return [self._flood(site, day, at) for site, day in days if (site, str(day)) not in told]

    def _flood(self, site: str, day: date, at: Look) -> Event:
        [(many,)] = ask(self.client, questions.HOW_MANY_THIN, site=site, day=str(day))
        which = f"{times(many, 'new source')} with few reports on {day}"
        says = f"{which}, those with made-up names silent: it looks like a flood"
        path = evidence.path("/sources", site=site, state="new")
        found = {"day": str(day), "sources": many, "path": path}
        its_title = title("flood", site, more=says)
        return Event(kind="flood", site=site, occasion=str(day), time=at.now, title=its_title, evidence=found)


def _noon(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)
