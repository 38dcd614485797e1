"""System: what the process knows of itself, and what the store says."""

from dashboards.app import build
from dashboards.pages.facts import SystemFacts
from schema.clickhouse import Engine
from schema.migration_files import migrations
from tests.support.page import opened
from tests.support.store import empty, insert, violation

FACTS = SystemFacts(
    version="9.8.7",
    log="Kafka at broker:9092, topic csp-violations",
    problems=["Kafka is away since 2026-07-01T12:03:10Z: no broker answers"],
    spool_bytes=3 << 20,
    behind_envelopes=1234,
    partitions=48,
    end_to_end={"50%": 0.5, "99%": 3.0},
    restarts=2,
)


def test_it_shows_lag_delay_spool_log_store_and_versions(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1)])
    shown = opened(build(store, lambda: 90.0, None, system=lambda: FACTS), "/system").text
    for words in ("look here", "90 seconds behind", "no broker answers", "3.0 MiB", "1,234", "48", "9.8.7", "≤ 3 s",
                  "50% within 0.5 s, 99% within 3 s", "topic csp-violations", migrations()[-1][1],
                  "violations 1"):  # fmt: skip
        assert words in shown, words


def test_a_console_alone_says_what_it_does_not_know(store: Engine):
    shown = opened(build(store, lambda: None, None), "/system").text
    assert "This process only knows the store" in shown
    assert "Behind – not known here" in shown
    assert "all is well" in shown
