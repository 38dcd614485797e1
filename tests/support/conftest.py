"""What the tests of the ClickHouse that the tests run against share."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from tests.support.clickhouse_http import ClickHouseServer


@pytest.fixture
def client(clickhouse: ClickHouseServer) -> Iterator[Client]:
    """With a table `t` of one column, `n`."""
    with clickhouse.client() as made:
        made.command(
            "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100"
        )
        yield made
