"""The outbox: events into messages, one a channel at a time, and each message to its channel until that has it.

While a channel fails, what is new for it gathers, and goes out as one message when it is back. Other channels go on.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping

from alerts.channel import Channel, Failed
from alerts.lease import Lease
from alerts.message import FULL, LISTED, compose, weight
from alerts.record import DUE, FAILED, MOST, SENT, Later, Parcel, Record, Routed, Waiting
from alerts.sending import Sending
from alerts.troubles import Troubles
from schema import metrics
from schema.health import Health

LEFT_SECONDS = 9.0  # of the term, to begin to send: longer than webhooks take, but for a resolver that hangs
_GIVE_UP_MS = 24 * 3600 * 1000
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 3600.0  # seconds between attempts, doubled each time
_REFUSED_ATTEMPTS = 3  # where the other side says that it will never take it
_EVENTS = 10_000  # in a message; so many that wait for a channel become one, to be kept in the store and not here
_REMEMBERED = 100_000
_ALONG_MS = 3000  # what is due so soon goes along


class Lost(Exception):
    """Another process has worked meanwhile: what is remembered is old."""


class Outbox:
    def __init__(
        self,
        record: Record,
        lease: Lease,
        channels: Callable[[], Mapping[str, Channel]],
        console_url: str,
        health: Health,
    ) -> None:
        """`channels` are those configured now, by key."""
        self._record = record
        self._lease = lease
        self._channels = channels
        self._console_url = console_url
        self._troubles = Troubles(health)
        self._known: frozenset[str] = frozenset()  # channels whose events are remembered
        self._waiting: dict[str, dict[str, Waiting]] = {}  # by channel and event
        self._left = -1  # messages made when there was more in the store than is remembered, or -1
        self._open: dict[str, Parcel] = {}  # by channel
        self._later: list[Later] = []  # made already, and not begun
        self._added: dict[str, None] = {}  # events, the last ones
        self._sending = Sending()
        self._unwritten: list[Parcel] = []  # attempts the store doesn't know of yet
        self.made = 0  # messages so far

    def load(self, made: int, now: int) -> None:
        """What was left by whoever worked before; `made` as the term has it, `now` in ms. Raises ClickHouseError."""
        self.note_results(now)
        self.made = max(self.made, made, self._record.last())
        self._open.clear()
        self._later = self._record.open(now)
        under_way = self._sending.parcels()
        begun = [one for one in self._later if one.attempts or one.seq in under_way]
        for one in sorted(begun, key=lambda one: one.seq not in under_way):
            parcel = None if one.channel in self._open else under_way.get(one.seq) or self._record.parcel(one.seq)
            if parcel is not None:
                self._open[one.channel] = parcel
                self._later.remove(one)
        self._known = frozenset(self._channels())
        self._troubles.forget_all_but(self._known)
        self._waiting.clear()
        self._added.clear()
        found = self._record.waiting(now, sorted(self._known))
        for channel, waiting in found:
            self._remember(channel, waiting)
        self._left = self.made if len(found) == MOST else -1

    def add(self, routed: Routed) -> None:
        """Once it is written down. Found again (a replica may be behind), it is not added again."""
        if routed.event.id in self._added:
            return
        for channel in routed.channels:
            self._remember(channel, Waiting(routed.event.id, routed.event.site, routed.due, weight(routed.event)))

    def _remember(self, channel: str, waiting: Waiting) -> None:
        self._waiting.setdefault(channel, {})[waiting.id] = waiting
        self._added[waiting.id] = None
        if len(self._added) > _REMEMBERED:
            del self._added[next(iter(self._added))]

    def step(self, now: int) -> None:
        """What came of the messages under way is written down, what is due is sent. Raises ClickHouseError, Lost."""
        self.note_results(now)
        channels = self._channels()
        if channels.keys() != self._known or -1 < self._left < self.made:
            raise Lost  # what waits for a new channel, or had no room here, is in the store
        for channel in channels.values():
            while len(self._waiting.get(channel.key, ())) >= _EVENTS:
                its = self._make(channel, now, list(self._waiting[channel.key].values())[:_EVENTS])
                self._later.append(Later(its.seq, its.channel, its.due, 0))
            if channel.key in self._sending:
                continue
            parcel = self._open.get(channel.key) or self._next(channel, now)
            if parcel is not None and parcel.due <= now and self._lease.left() > LEFT_SECONDS:
                self._sending.send(channel, parcel)

    def finish(self, now: int, seconds: float) -> None:
        """Waits for what is under way, so that it is known. Raises ClickHouseError."""
        ends = time.monotonic() + seconds
        while self._sending and time.monotonic() < ends:
            self.note_results(now)
            time.sleep(0.05)

    def _next(self, channel: Channel, now: int) -> Parcel | None:
        """The next message to this channel, written down: all that is due for it."""
        for one in self._later:
            if one.channel == channel.key and one.due <= now:
                parcel = self._record.parcel(one.seq)
                if parcel is None:
                    raise Lost
                self._later.remove(one)
                self._open[channel.key] = parcel
                return parcel
        waiting = self._waiting.get(channel.key, {})
        if not any(one.due <= now for one in waiting.values()):
            return None
        due = [one for one in waiting.values() if one.due <= now + _ALONG_MS]
        self._open[channel.key] = self._make(channel, now, due)
        return self._open[channel.key]

    def _make(self, channel: Channel, now: int, some: list[Waiting]) -> Parcel:
        """A message of these, to be sent when all are due."""
        its_id = str(uuid.uuid4())
        ordered = sorted(some, key=lambda one: (one.weight, one.id), reverse=True)
        told = [one.id for one in ordered[: FULL + LISTED]]
        events = self._record.these(told, now)
        if len(events) < len(told):
            raise Lost
        others_of = [one.site for one in ordered[FULL + LISTED :]]
        parcel = Parcel(
            seq=self.made + 1,
            id=its_id,
            channel=channel.key,
            channel_name=channel.name,
            events=[one.id for one in some],
            message=compose(its_id, now, events, self._console_url, others_of=others_of),
            made=now,
            due=max(now if one.due <= now + _ALONG_MS else one.due for one in some),
        )
        taken = self._record.make(parcel)
        self.made += 1  # also where somebody else has the number, or a killed server has lost the row
        if not taken:
            raise Lost
        for one in some:
            del self._waiting[channel.key][one.id]
        return parcel

    def note_results(self, now: int) -> None:
        """Writes down what came of the messages under way. Raises ClickHouseError; then it is tried again."""
        for parcel, failed in self._sending.results():
            self._note(parcel, failed, now)
        while self._unwritten:
            self._record.attempted(self._unwritten[0])
            del self._unwritten[0]

    def _note(self, parcel: Parcel, failed: Failed | None, now: int) -> None:
        kind = self._kind(parcel.channel)
        parcel.attempts += 1
        parcel.attempted = now
        if failed is None:
            parcel.state, parcel.error = SENT, ""
            metrics.ALERTS_SENT.labels(kind).inc()
        else:
            parcel.error = str(failed)[:300]
            parcel.state = FAILED if _is_last(parcel, failed, now) else DUE
            parcel.due = now + int(_pause(parcel.attempts, failed.after) * 1000)
            metrics.ALERT_FAILURES.labels(kind).inc()
        is_open = self._open.get(parcel.channel)
        if is_open is not None and is_open.seq == parcel.seq:  # perhaps read from the store again meanwhile
            self._open[parcel.channel] = parcel
            if parcel.state != DUE:
                del self._open[parcel.channel]
        self._troubles.note(parcel)
        self._unwritten.append(parcel)

    def _kind(self, key: str) -> str:
        channel = self._channels().get(key)
        return channel.kind if channel else "removed"


def _is_last(parcel: Parcel, failed: Failed, now: int) -> bool:
    return now - parcel.made > _GIVE_UP_MS or (failed.refused and parcel.attempts >= _REFUSED_ATTEMPTS)


def _pause(attempts: int, after: float | None) -> float:
    """Seconds, with jitter; never sooner than the other side asks."""
    pause = min(_FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), _LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311  (no secret)
    return max(pause, after or 0.0)
