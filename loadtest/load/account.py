"""What was sent, and what became of it as far as the sender can know. Each worker has one; they can be added up."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec


class Sum(msgspec.Struct):
    """`reports`: violations; `ignored`: reports of other types, which the ledger counts apart; `retries`: of
    both, those in posts that are a browser's second attempt.
    """

    posts: int = 0
    reports: int = 0
    ignored: int = 0
    retries: int = 0

    @property
    def entries(self) -> int:
        return self.reports + self.ignored

    def add(self, other: "Sum") -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Account(msgspec.Struct):
    """`answered`: 204. `refused`: certainly not stored: 4xx, no preflight, no connection. `unknown`: may be stored or
    not: 5xx (a proxy's, or a collector that waited for Kafka in vain), a broken connection, no answer in time.
    `taken`: all posts that were due. `unsent`: due while too many waited for their answers. `late`: sent too long after
    their moment, through the sender's own fault. `statuses`: posts by answer.
    """

    site: str = ""
    taken: int = 0
    answered: Sum = msgspec.field(default_factory=Sum)
    refused: Sum = msgspec.field(default_factory=Sum)
    unknown: Sum = msgspec.field(default_factory=Sum)
    statuses: dict[str, int] = msgspec.field(default_factory=dict)
    unsent: int = 0
    late: int = 0

    def count(self, answer: int | str, what: Sum) -> None:
        """`answer`: the status, or what happened instead: REFUSED says that no request was made."""
        key = str(answer)
        self.statuses[key] = self.statuses.get(key, 0) + 1
        self._sum(answer).add(what)

    def _sum(self, answer: int | str) -> Sum:
        if answer == 204:
            return self.answered
        if answer in _NEVER_SENT or (isinstance(answer, int) and answer < 500):
            return self.refused
        return self.unknown

    @property
    def pending(self) -> int:
        """Posts whose answer was still to come when this was written: only where a worker was lost."""
        counted = self.answered.posts + self.refused.posts + self.unknown.posts
        return self.taken - counted - self.unsent

    def plain(self) -> dict[str, Any]:
        """As Locust's workers send it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


NO_CONNECTION, NO_PREFLIGHT, TIMEOUT, BROKEN = "no connection", "no preflight", "no answer in time", "broken connection"
_NEVER_SENT = {NO_CONNECTION, NO_PREFLIGHT}


def read(plain: dict[str, Any]) -> Account:
    return msgspec.convert(plain, Account)


def added(accounts: Iterable[Account]) -> Account:
    total = Account()
    statuses: Counter[str] = Counter()
    for account in accounts:
        total.site = account.site
        for name in ("answered", "refused", "unknown"):
            getattr(total, name).add(getattr(account, name))
        for name in ("taken", "unsent", "late"):
            setattr(total, name, getattr(total, name) + getattr(account, name))
        statuses.update(account.statuses)
    total.statuses = dict(statuses)
    return total
