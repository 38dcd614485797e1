"""What is written down: events before they are in messages, messages before they are sent, and what came of it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from alerts.events import Event
from alerts.message import Message

WAITS_MS = 4 * 24 * 3600 * 1000  # what is older is told no more; longer than quiet hours and a channel's outage
_MOST = 200_000  # events in memory; a pass finds some thousands

DUE, SENT, FAILED = "due", "sent", "failed"


class Routed(NamedTuple):
    """An event, and to whom it is told (keys of channels), and when (ms)."""

    event: Event
    due: int
    channels: tuple[str, ...]


class Parcel(msgspec.Struct):
    """A message for one channel on its way. Times in ms."""

    seq: int
    id: str
    channel: str
    channel_name: str
    events: list[str]
    message: Message
    made: int
    due: int
    attempts: int = 0
    state: str = DUE
    error: str = ""
    attempted: int = 0


_EVENT_COLUMNS = [
    "kind", "site", "effective_directive", "blocked", "occasion", "id", "time", "due", "title", "evidence", "channels",
]  # fmt: skip
_WAITING = """
SELECT kind, site, effective_directive, blocked, occasion, toUnixTimestamp64Milli(time) AS at, title, evidence,
    toUnixTimestamp64Milli(due), channels
FROM alert_events
WHERE notEmpty(channels) AND recorded > fromUnixTimestamp64Milli({since:Int64})
ORDER BY recorded, id
LIMIT 1 BY id
LIMIT {most:UInt32}
"""
_TOLD = """
SELECT channel, groupUniqArrayArray(events)
FROM alert_messages
WHERE made > fromUnixTimestamp64Milli({since:Int64})
GROUP BY channel
"""
_PARCELS = """
SELECT seq, id, channel, channel_name, events, payload, toUnixTimestamp64Milli(made) AS made_ms,
    toUnixTimestamp64Milli(due), attempts, state, error, toUnixTimestamp64Milli(attempted)
FROM alert_messages
WHERE {where}
ORDER BY seq, attempts DESC
LIMIT 1 BY seq
"""
_SINCE = "made > fromUnixTimestamp64Milli({since:Int64})"
_OPEN = f"SELECT * FROM ({_PARCELS.replace('{where}', _SINCE)}) WHERE state = 'due'"  # noqa: S608  (ours)
_ONE = "SELECT argMax(id, attempts) FROM alert_messages WHERE seq = {seq:UInt64}"
_LAST = "SELECT max(seq) FROM alert_messages"


class Record:
    """All of it raises ClickHouseError."""

    client: Client  # set before use, and anew after an error

    def events(self, found: Sequence[Routed]) -> None:
        """Written again they are the same rows."""
        rows = [
            [its.kind, its.site, its.directive, its.blocked, its.occasion, its.id, its.time, due, its.title,
             msgspec.json.encode(its.evidence).decode(), list(channels)]
            for its, due, channels in found
        ]  # fmt: skip
        self.client.insert("alert_events", rows, column_names=_EVENT_COLUMNS)

    def waiting(self, now: int) -> Iterable[Routed]:
        """What was written down and is in no message to that channel yet, oldest first."""
        asked = {"since": now - WAITS_MS, "most": _MOST}
        told = {channel: set(ids) for channel, ids in self._rows(_TOLD, asked)}
        for *fields, due, channels in self._rows(_WAITING, asked):
            event = _event(*fields)
            left = tuple(channel for channel in channels if event.id not in told.get(channel, ()))
            if left:
                yield Routed(event, due, left)

    def open(self, now: int) -> list[Parcel]:
        """What is neither sent nor given up, oldest first."""
        rows = self._rows(_OPEN, {"since": now - WAITS_MS})
        return [_parcel(*row) for row in rows]

    def last(self) -> int:
        """The highest number of a message."""
        return int(self._rows(_LAST, {})[0][0])

    def make(self, parcel: Parcel) -> bool:
        """Written down under its number; False if that was taken by somebody else's."""
        self._insert(parcel, {"insert_deduplication_token": f"alerts-message-{parcel.seq}"})
        return bool(self._rows(_ONE, {"seq": parcel.seq})[0][0] == parcel.id)

    def attempted(self, parcel: Parcel) -> None:
        """With one attempt more than before."""
        self._insert(parcel, {})

    def _insert(self, parcel: Parcel, settings: dict[str, Any]) -> None:
        its = msgspec.structs.asdict(parcel)
        its["payload"] = msgspec.json.encode(its.pop("message")).decode()
        self.client.insert("alert_messages", [list(its.values())], column_names=list(its), settings=settings)

    def _rows(self, sql: str, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self.client.query(sql, parameters=values).result_rows
        return rows


def _event(kind: str, site: str, directive: str, blocked: str, occasion: str, *rest: Any) -> Event:
    time, title, evidence = rest
    return Event(
        kind=kind,
        site=site,
        directive=directive,
        blocked=blocked,
        occasion=occasion,
        time=time,
        title=title,
        evidence=msgspec.json.decode(evidence),
    )


def _parcel(seq: int, its_id: str, channel: str, name: str, events: list[str], payload: str, *rest: Any) -> Parcel:
    made, due, attempts, state, error, attempted = rest
    message = msgspec.json.decode(payload, type=Message)
    return Parcel(seq, its_id, channel, name, list(events), message, made, due, attempts, state, error, attempted)
