"""Alerts over the store of the tests, taken step by step."""

import time
from collections.abc import Callable
from typing import Any

from alerts.watch import Alerts, Options
from schema.alerting import AlertingOf, read
from schema.clickhouse import Engine
from schema.health import Health
from tests.support.store import insert, violation


class Watched:
    """Alerts, taken step by step; their clock can be set on."""

    def __init__(self, store: Engine, *webhooks: str, rules: Any = None, **sites: Any) -> None:
        self.store = store
        self.client = store.client()
        self.health = Health()
        self.alerting: AlertingOf = read(rules, sites)
        self.ahead = 0  # ms
        self.lag: float | None = 0.0
        self.options = Options(webhooks, "s3cret", "https://csp.example", 90)
        self.alerts = self.again()

    def again(self) -> Alerts:
        """As after a restart."""
        self.alerts = Alerts(
            self.store, self.options, lambda: self.alerting, lambda: self.lag, self.health,
            lambda now: now + self.ahead,
        )  # fmt: skip
        return self.alerts

    def see(self, number: int = 1, *, at: float | None = None, **fields: Any) -> None:
        """A report that the store gets now."""
        insert(self.client, [violation(number, at=time.time() if at is None else at, **fields)])

    def steps(self, until: Callable[[], Any], seconds: float = 60) -> None:
        ends = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < ends, self.titles()
            self.alerts.step()
            time.sleep(0.05)

    def titles(self, kind: str = "") -> list[str]:
        """Of what is written down, oldest first."""
        rows = self.client.query(
            "SELECT title FROM alert_events FINAL WHERE {kind:String} IN ('', kind) ORDER BY recorded, title",
            parameters={"kind": kind},
        ).result_rows
        return [row[0] for row in rows]
