"""What several rooms' tests share: one real store for the whole run, because chDB allows one a process."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from schema.clickhouse import Engine, open_chdb
from schema.migrate import migrate
from tests.support.kafka.cluster import Cluster
from tests.support.kafka.jars import reason_missing

settings.register_profile("no deadline", deadline=None)  # time is a matter for benchmarks
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Tests keep apart by site label, or empty the tables with `tests.support.store.empty`."""
    with open_chdb(tmp_path_factory.mktemp("store")) as engine:
        migrate(engine.client(), retention_days=90)
        yield engine


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker for the whole run; tests keep apart by topic and group."""
    need_kafka()
    with Cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


def need_kafka() -> None:
    if reason := reason_missing():
        pytest.skip(reason)
