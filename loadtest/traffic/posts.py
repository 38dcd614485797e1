"""What the traffic consists of, and what it says of itself."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from loadtest.traffic.browsers import Agent

_NOTHING: Mapping[str, int] = MappingProxyType({})


class Post(NamedTuple):
    """One POST. `reports`: violations in it; `at_ms`: when it is sent, after the beginning, and at least as late as its
    oldest report is old. `retry_of`: the number of the post, from 0, that Chromium sends again here.
    """

    body: bytes
    content_type: bytes
    agent: Agent
    origin: str  # of the page
    reports: int
    at_ms: int
    ignored: Mapping[str, int] = _NOTHING  # reports of other types in it
    preflight: bool = False  # an OPTIONS comes before it
    new_connection: bool = False  # nothing was sent over its connection before
    visitor: int = 0  # whose browser it is: a connection may be kept from one post of a visitor to the next
    retry_of: int | None = None

    @property
    def entries(self) -> int:
        return self.reports + sum(self.ignored.values())


@dataclass
class Totals:
    """What a store and its ledger must hold after all posts, and nothing else."""

    posts: int = 0  # those that are sent again among them
    reports: int = 0  # stored
    violations: int = 0  # different fingerprints
    by_directive: Counter[str] = field(default_factory=Counter)  # reports
    noise: Counter[str] = field(default_factory=Counter)  # reports by category
    ignored: Counter[str] = field(default_factory=Counter)  # reports of other types, by type
    retried: int = 0  # reports of any type that are sent again
    preflights: int = 0
    connections: int = 0

    @property
    def received(self) -> int:
        return self.reports + self.ignored.total() + self.retried

    def add(self, post: Post) -> None:
        """All but what only the maker of the post knows: violations, directives and noise."""
        self.posts += 1
        self.preflights += post.preflight
        self.connections += post.new_connection
        if post.retry_of is not None:
            self.retried += post.entries
        else:
            self.reports += post.reports
            if post.ignored:
                self.ignored.update(post.ignored)
