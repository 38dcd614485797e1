"""A store, wherever it is: what processor and console need of it, and what may be wrong with it at the start."""

from collections.abc import Mapping
from threading import Lock
from typing import Protocol

from clickhouse_connect.driver.client import Client

# ClickHouse's codes (src/Common/ErrorCodes.cpp) for a user that is not let in.
LOGIN_CODES = frozenset({
    192,  # UNKNOWN_USER
    193,  # WRONG_PASSWORD
    194,  # REQUIRED_PASSWORD
    497,  # ACCESS_DENIED
    516,  # AUTHENTICATION_FAILED
})  # fmt: skip


class Store(Protocol):
    """`schema.clickhouse.Engine` in this process, `schema.server.Server` on another machine."""

    inserting: Lock  # held while a batch of this process goes into its tables
    moving: Lock  # held by who moves what is counted, from its first question to its last row: two would move it twice

    def client(self, settings: Mapping[str, int | str] | None = None) -> Client:
        """A client of its own, for one thread at a time; `settings` hold for all its queries."""


def wait_for_batch(store: Store) -> None:
    """A batch goes into several tables one by one: what is in the first of them now is in all of them after this."""
    with store.inserting:
        pass


def first_line(error: Exception) -> str:
    """Of what ClickHouse says, which may go on for pages."""
    return str(error).partition("\n")[0][:200]


class TablesMissing(Exception):
    """There are no tables, or older ones than this version needs; the message says what to do."""


class WrongCluster(Exception):
    """The store can't be used as a cluster; the message says why."""
