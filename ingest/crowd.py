"""The connection cap: who gives way when it is reached."""

from collections import defaultdict
from collections.abc import Collection
from typing import Protocol


class Member(Protocol):
    @property
    def network(self) -> bytes:
        """Of its client; empty where that can't be told."""

    @property
    def waiting_since(self) -> float:
        """In seconds of the shared clock."""

    def give_way(self) -> None:
        """End it at once: whoever doesn't read its answers would keep its place."""


class Crowd:
    """Connections that a network holds beyond half of the cap, so that others find a place.

    Networks are counted only where the cap is reached, and at most once a second: it takes time in proportion.
    """

    def __init__(self, cap: int) -> None:
        self._half = cap // 2
        self._loud = b""
        self._beyond: list[Member] | None = None  # whose wait is longest last

    def forget(self) -> None:
        """Called once a second."""
        self._loud, self._beyond = b"", None

    def makes_room(self, members: Collection[Member], newcomer: Member) -> bool:
        """Whether one of the `members` ended for this one."""
        if self._beyond is None:
            self._beyond = self._look(members)
        if newcomer.network == self._loud:
            return False
        while self._beyond:
            member = self._beyond.pop()
            if member in members:  # it may have gone since
                member.give_way()
                return True
        return False

    def _look(self, members: Collection[Member]) -> list[Member]:
        networks: defaultdict[bytes, list[Member]] = defaultdict(list)
        for member in members:
            networks[member.network].append(member)
        self._loud, its = max(networks.items(), key=lambda found: len(found[1]))
        its.sort(key=lambda member: member.waiting_since)
        return its[: max(0, len(its) - self._half)][::-1]
