"""The settings of a test broker: small, quick to say that another one is dead, and as strict as in production."""

from collections.abc import Mapping
from pathlib import Path

CONTROLLER = "CONTROLLER"
SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": CONTROLLER,
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker loses its partitions after 3 s instead of 9.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "replica.lag.time.max.ms": "5000",
    # What retention takes away is gone within seconds.
    "log.initial.task.delay.ms": "1000",
    "log.retention.check.interval.ms": "1000",
    "log.segment.delete.delay.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "4194304",  # the default takes 128 MB of heap
}


def copies(brokers: int) -> dict[str, str]:
    """Of everything three where there are three brokers, and two that have it before it counts as written."""
    three, two = str(min(3, brokers)), str(min(2, brokers))
    return {
        "default.replication.factor": three,
        "min.insync.replicas": two,
        "offsets.topic.replication.factor": three,
        "transaction.state.log.replication.factor": three,
        "transaction.state.log.min.isr": two,
    }


def listeners(ports: Mapping[str, int]) -> dict[str, str]:
    """One per way in, each named after its security protocol; the controllers speak plain text."""
    return {
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": ",".join(f"{name}:{name.replace(CONTROLLER, 'PLAINTEXT')}" for name in ports),
    }


def write(path: Path, properties: Mapping[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return path
