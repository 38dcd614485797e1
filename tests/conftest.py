"""What several rooms' tests share: one real store for the whole run, because chDB allows one a process."""

import os
import uuid
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

from schema.clickhouse import Engine, open_chdb
from schema.migrate import migrate
from tests.support.clickhouse_http import ClickHouseServer
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
    """One broker for the whole run; tests keep apart by topic and group.

    Plain text at `kafka.bootstrap`; TLS and SASL, which cost the start 0.7 s, at `kafka.address("SASL_SSL")` and so on.
    """
    need_kafka()
    with Cluster(tmp_path_factory.mktemp("kafka"), secure=True) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kafka_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers; who kills or freezes one brings it back."""
    need_kafka()
    with Cluster(tmp_path_factory.mktemp("kafka"), brokers=3) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse"), user="sentinel", password="p@ss:/word") as server:
        yield server


@pytest.fixture
def clickhouse(clickhouse_server: ClickHouseServer) -> Iterator[ClickHouseServer]:
    """The same server for the whole run, with an empty database for each test, which must leave it running."""
    clickhouse_server.database = f"test_{uuid.uuid4().hex}"
    with clickhouse_server.client("") as client:
        client.command(f"CREATE DATABASE {clickhouse_server.database}")
    clickhouse_server.forget_counts()
    yield clickhouse_server
    clickhouse_server.heal()


def need_kafka() -> None:
    if reason := reason_missing():
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return forbid_skip((yield))


def forbid_skip(report: Any) -> Any:
    """`.ci/run` promises every test: one that lacks something fails there, where a skip would go unseen."""
    skipped = report.skipped and not hasattr(report, "wasxfail")  # pytest counts expected failures as skipped
    nothing_lacks = skipped and "not for this Python" in report.longrepr[2]  # by the markers of pyproject.toml
    if skipped and not nothing_lacks and os.environ.get("NO_TEST_MAY_SKIP"):
        report.outcome, report.longrepr = "failed", f"may not be skipped here: {report.longrepr[2]}"
    return report
