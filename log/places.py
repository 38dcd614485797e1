"""Where Kafka is and how a topic should be: read by the settings, used by producer, consumer and init."""

from dataclasses import dataclass, field

DEAD = "-dead"


@dataclass(frozen=True, kw_only=True)
class KafkaPlace:
    """`brokers`: "host:port", IPv6 in brackets. `ca`: path of a PEM file; "" trusts what the system trusts."""

    brokers: tuple[str, ...]
    topic: str = "csp-violations"
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = ""  # "" without a user, else PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
    ca: str = ""
    acks: str = "all"  # or "1"
    group: str = "csp-sentinel"
    partitions: int = 48
    replication: int = 3
    min_isr: int = 2
    retention_ms: int = 24 * 3_600_000
    given: frozenset[str] = frozenset()  # of partitions, replication, min_isr, retention: those somebody wrote
    url: str = field(default="", compare=False)  # as it was written, without its secrets

    @property
    def name(self) -> str:
        """In sentences."""
        return f"Kafka at {', '.join(self.brokers)}"

    @property
    def dead_topic(self) -> str:
        """Where records go that can't be read."""
        return f"{self.topic}{DEAD}"
