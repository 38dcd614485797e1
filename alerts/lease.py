"""Who works: of any number of processes one, in terms of some seconds. ClickHouse has no transactions, but the first
insert under a token is the only one: so a term is taken by inserting its number, and asking who got it.

What must not be done twice is written down under a token of its own (alerts/outbox.py), so that a process that was
stopped in the middle of its term and goes on after it does no harm: a term saves work, and keeps senders apart.
"""

import time

import msgspec
from clickhouse_connect.driver.client import Client

SECONDS = 15.0
_RENEW_BELOW = 11.0
_PATIENCE_SECONDS = 30.0  # with a row that should be there
_GAP_MS = 60_000  # without anybody working: what happened in it was not seen
_NAME = "alerts"

_NEWEST = """
SELECT max(epoch), argMax(owner, epoch), toUnixTimestamp64Milli(argMax(taken, epoch)),
    toUnixTimestamp64Milli(argMax(began, epoch)), toUnixTimestamp64Milli(argMax(awake, epoch)),
    toUnixTimestamp64Milli(argMax(looked, epoch)), argMax(messages, epoch),
    toUnixTimestamp64Milli(now64(3, 'UTC'))
FROM alert_owners
WHERE name = {name:String}
"""
_COLUMNS = ["name", "epoch", "owner", "began", "awake", "looked", "messages"]


class Term(msgspec.Struct):
    """Times in ms by the server's clock: what is handed from term to term, and `now`."""

    epoch: int
    owner: str
    taken: int
    began: int  # when alerts were first started on this store
    awake: int  # since when there was no gap
    looked: int  # up to where the newest rows were looked at
    messages: int  # made so far
    now: int


class Lease:
    client: Client  # set before use, and anew after an error

    def __init__(self, owner: str, *, alone: bool) -> None:
        """`alone`: nobody else can have the store open, so that a term of before is a dead process's."""
        self._owner = owner
        self._alone = alone
        self._ends = 0.0  # by our own clock
        self._epoch = -1  # the last of ours
        self._tried, self._tried_at = -1, 0.0  # the term that we wanted to follow, and since when

    def hold(self, looked: int, messages: int) -> tuple[Term | None, bool]:
        """The term, where it is ours, and whether it is not the one after our last: then all that is remembered is old.

        `looked` and `messages` go into the next term. Raises ClickHouseError.
        """
        asked, term = time.monotonic(), self._newest()
        if term.owner != self._owner:
            looked, messages = term.looked, term.messages
        if self._is_due(term):
            self._take(term, looked, messages)
            asked, term = time.monotonic(), self._newest()
        if term.owner != self._owner:
            self._ends = 0.0
            return None, False
        self._ends = asked + SECONDS - (term.now - term.taken) / 1000
        fresh = term.epoch not in (self._epoch, self._epoch + 1)
        self._epoch = term.epoch
        return (term, fresh) if self.left() > 0 else (None, False)

    def left(self) -> float:
        """Seconds in which nobody else may work. By the moment before the question, so never too many."""
        return self._ends - time.monotonic()

    def release(self, looked: int, messages: int) -> None:
        """So that another needn't wait. Raises ClickHouseError."""
        if self.left() > 0:
            term = self._newest()
            if term.owner == self._owner:
                self._insert(term.epoch + 1, "", term, looked, messages)
        self._ends = 0.0

    def _newest(self) -> Term:
        row = self.client.query(_NEWEST, parameters={"name": _NAME}).result_rows[0]
        return Term(*row)

    def _is_due(self, term: Term) -> bool:
        left = SECONDS - (term.now - term.taken) / 1000
        if term.owner == self._owner:
            return left < _RENEW_BELOW
        return self._alone or not term.owner or left <= 0

    def _take(self, term: Term, looked: int, messages: int) -> None:
        """The first term begins now; after a gap so does the time that was watched."""
        if not term.epoch:
            term = msgspec.structs.replace(term, began=term.now, awake=term.now)
            looked = term.now
        elif term.now - term.taken > _GAP_MS:
            term = msgspec.structs.replace(term, awake=term.now)
        self._insert(term.epoch + 1 + self._lost(term.epoch), self._owner, term, looked, messages)

    def _lost(self, epoch: int) -> int:
        """How many terms after this one were taken and left no row.

        A server that is killed may know an insert's token and not have its rows (docs/many-machines.md): without this
        nobody could work ever again. It is believed only after a while, because a replica may be behind.
        """
        if epoch != self._tried:
            self._tried, self._tried_at = epoch, time.monotonic()
        return int((time.monotonic() - self._tried_at) / _PATIENCE_SECONDS)

    def _insert(self, epoch: int, owner: str, term: Term, looked: int, messages: int) -> None:
        row = [_NAME, epoch, owner, term.began, term.awake, looked, messages]
        token = {"insert_deduplication_token": f"{_NAME}-owner-{epoch}"}
        self.client.insert("alert_owners", [row], column_names=_COLUMNS, settings=token)
