"""The connection cap: who gives way when it is reached."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol


class Member(Protocol):
    @property
    def network(self) -> bytes:
        """Of its client; empty where that can't be told."""

    @property
    def waiting_since(self) -> float:
        """In seconds of the shared clock."""

    def give_way(self) -> None:
        """End it."""


class Crowd:
    """Connections that a network holds beyond half of the cap, so that others find a place.

    Networks are counted only where the cap is reached, and at most once a second: 20 ms for ten thousand connections.
    """

    def __init__(self, cap: int) -> None:
        self._half = cap // 2
        self._loud = b""
        self._beyond: list[Member] | None = None  # whose wait is longest last

    def forget(self) -> None:
        """Called once a second."""
        self._loud, self._beyond = b"", None

    def makes_room(self, members: Iterable[Member], newcomer: Member) -> bool:
        """Whether one of the `members` ended for this one."""
        if self._beyond is None:
            self._beyond = self._look(members)
        if not self._beyond or newcomer.network == self._loud:
            return False
        self._beyond.pop().give_way()
        return True

    def _look(self, members: Iterable[Member]) -> list[Member]:
        networks: defaultdict[bytes, list[Member]] = defaultdict(list)
        for member in members:
            networks[member.network].append(member)
        self._loud, its = max(networks.items(), key=lambda found: len(found[1]))
        its.sort(key=lambda member: member.waiting_since)
        return its[: max(0, len(its) - self._half)][::-1]
