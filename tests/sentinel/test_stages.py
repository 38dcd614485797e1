"""What works on the store in one process, and what happens to the others when one part fails."""

import threading

from schema.health import Health
from sentinel import stages


def test_alerts_that_fail_end_nothing_else_and_begin_again(monkeypatch):
    monkeypatch.setattr(stages, "_AGAIN_SECONDS", 0.0)
    health, stop, told = Health(), threading.Event(), []

    def run(stop: threading.Event) -> None:
        if not told:
            told.append(None)
            raise KeyError("nobody thought of it")
        told.extend(health.troubles())
        stop.set()

    stages.go_on(run, health, stop)
    assert told[1].startswith("alerts failed since ")
    assert health.problems() == []  # the stage is ready
