"""One real broker of the tests' for a measurement, where Java is and Maven or its jars are."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.kafka import jars
from tests.support.kafka.cluster import Cluster

PARTITIONS = 4
_SHAPE = f"partitions={PARTITIONS}&replication=1&min_isr=1"


def kafka_missing() -> str:
    reason = jars.reason_missing()
    return str(reason) if reason else ""


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """Gives what SENTINEL_LOG should be."""
    with Cluster(folder, 1) as cluster:
        yield f"kafka://{cluster.bootstrap}/csp-violations?{_SHAPE}"
