"""Alerts over a real store, and a receiver of what they send."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from schema.clickhouse import Engine
from tests.support.receiver import Receiver
from tests.support.store import empty
from tests.support.watched import Watched


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def client(store: Engine) -> Client:
    """Of an empty store."""
    made = store.client()
    empty(made)
    return made


@pytest.fixture
def watched(store: Engine, client: Client, receiver: Receiver) -> Watched:
    """Started before anything is stored. New policies are written down and not sent."""
    made = Watched(store, receiver.url, rules={"off": ["new-policy"]})
    made.alerts.step()
    return made
