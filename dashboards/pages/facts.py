"""What the pages show that is not in the store: it is handed in by the process they are served from."""

from collections.abc import Callable
from typing import NamedTuple

from schema.sites import Sites


class SystemFacts(NamedTuple):
    """Of the program and the machine. What is not known here is None."""

    version: str
    log: str  # where reports wait, in words, without credentials
    problems: list[str] = []  # noqa: RUF012  (never changed) one sentence each
    spool_bytes: int | None = None
    behind_envelopes: int | None = None  # of Kafka's, or of the spool's
    partitions: int | None = None
    end_to_end: dict[str, float] | None = None  # share of batches ("50%") → s from receiving to storing, at most
    restarts: int | None = None  # of processes that died


class Facts(NamedTuple):
    lag: Callable[[], float | None]  # s the store is behind
    sites: Callable[[], Sites]  # in force now
    system: Callable[[], SystemFacts | None]
