"""What is written down: events before they are in messages, messages before they are sent, and what came of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from alerts.events import Event
from alerts.message import Message

WAITS_MS = 4 * 24 * 3600 * 1000  # what is older is told no more; longer than quiet hours and a channel's outage
MOST = 50_000  # that wait are remembered at a time; the others stay in the store until these are in messages

DUE, SENT, FAILED = "due", "sent", "failed"


class Routed(NamedTuple):
    """An event, and to whom it is told (keys of channels), and when (ms)."""

    event: Event
    due: int
    channels: tuple[str, ...]


class Waiting(NamedTuple):
    """An event that is in no message to a channel yet: what is remembered of it here. `due` in ms."""

    id: str
    site: str
    due: int
    weight: tuple[int, int, int, int]  # as alerts/message.py has it


class Later(NamedTuple):
    """A message that is written down, and not begun or not open here. `due` in ms."""

    seq: int
    channel: str
    due: int
    attempts: int


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
SELECT channel, id, toString(site), toUnixTimestamp64Milli(due),
    (kind IN ('spike', 'silence'), JSONExtractUInt(evidence, 'trust'),
        kind NOT IN ('new-source', 'returned') OR JSONHas(evidence, 'page'),
        JSONExtractUInt(evidence, 'reports')) AS weight
FROM alert_events
ARRAY JOIN channels AS channel
WHERE recorded > fromUnixTimestamp64Milli({since:Int64}) AND channel IN {channels:Array(String)}
    AND (channel, id) NOT IN (
        SELECT channel, arrayJoin(events) FROM alert_messages WHERE made > fromUnixTimestamp64Milli({since:Int64})
    )
ORDER BY recorded, id
LIMIT 1 BY channel, id
LIMIT {most:UInt32}
"""
_THESE = """
SELECT kind, site, effective_directive, blocked, occasion, toUnixTimestamp64Milli(time) AS at, title, evidence
FROM alert_events
WHERE id IN {ids:Array(String)} AND recorded > fromUnixTimestamp64Milli({since:Int64})
LIMIT 1 BY id
"""
_OPEN = """
SELECT seq, argMax(channel, attempts), toUnixTimestamp64Milli(argMax(due, attempts)), max(attempts)
FROM alert_messages
WHERE made > fromUnixTimestamp64Milli({since:Int64})
GROUP BY seq
HAVING argMax(state, attempts) = 'due'
ORDER BY seq
"""
_PARCEL = """
SELECT seq, id, channel, channel_name, events, payload, toUnixTimestamp64Milli(made),
    toUnixTimestamp64Milli(due), attempts, state, error, toUnixTimestamp64Milli(attempted)
FROM alert_messages
WHERE seq = {seq:UInt64}
ORDER BY attempts DESC
LIMIT 1
"""
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

    def waiting(self, now: int, channels: Sequence[str]) -> list[tuple[str, Waiting]]:
        """By channel, what was written down for these and is in no message to it yet: the oldest ones, MOST of them."""
        if not channels:
            return []
        asked = {"since": now - WAITS_MS, "most": MOST, "channels": list(channels)}
        return [(channel, Waiting(*rest)) for channel, *rest in self._rows(_WAITING, asked)]

    def these(self, ids: Sequence[str], now: int) -> list[Event]:
        """Events that wait, as they were written down."""
        return [_event(*row) for row in self._rows(_THESE, {"ids": list(ids), "since": now - WAITS_MS})]

    def open(self, now: int) -> list[Later]:
        """What is neither sent nor given up, oldest first."""
        return [Later(*row) for row in self._rows(_OPEN, {"since": now - WAITS_MS})]

    def parcel(self, seq: int) -> Parcel | None:
        """The message of a number, as it was written down last."""
        rows = self._rows(_PARCEL, {"seq": seq})
        return _parcel(*rows[0]) if rows else None

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
