"""`make kafka`: the Kafka of the tests, for work by hand; only the standard library is needed."""

import os
import signal
import sys
from pathlib import Path

from tests.support.kafka import jars
from tests.support.kafka.cluster import Cluster

FIRST_PORT = 9092


def main() -> int:
    """Runs until Ctrl-C or a SIGTERM; exit code 1: it can't run here, or a wrong KAFKA_BROKERS."""
    brokers = os.environ.get("KAFKA_BROKERS", "1")
    if brokers not in ("1", "3"):
        print(f"KAFKA_BROKERS is {brokers!r}; it may be 1 or 3", file=sys.stderr)
        return 1
    if reason := jars.reason_missing():
        print(reason, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(int(brokers))
    except KeyboardInterrupt:
        print("stopped")
    return 0


def run(brokers: int) -> None:
    """What is in the topics stays, so that an outage can be played: stop it, look, start it again."""
    folder = Path("data") / f"kafka-{brokers}"
    print(f"KAFKA_BROKERS={brokers}: starting; it may be 1 or 3", flush=True)
    with Cluster(folder, brokers, first_port=FIRST_PORT) as cluster:
        shape = f"partitions=4&replication={brokers}&min_isr={min(2, brokers)}"
        print(
            f"Kafka is up. In another shell:\n  export SENTINEL_LOG='kafka://{cluster.bootstrap}/csp-violations?{shape}'"
        )
        print(f"Its topics and logs are in {folder}: delete it to begin anew. Ctrl-C stops.", flush=True)
        try:
            signal.pause()
        finally:
            cluster.stop(*cluster.numbers)


sys.exit(main())
