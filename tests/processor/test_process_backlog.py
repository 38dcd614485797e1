"""Who merges the store hears after each batch how much still waits, and where nothing is inserted that nothing does."""

import pytest

from log.protocols import LogAway
from processor import process
from schema.engine.merges import Merges
from tests.support.processing import Log, Running, batch


class Told(Merges):
    def __init__(self) -> None:
        self.behind: list[float] = []

    def follow(self, behind: float) -> None:
        self.behind.append(behind)


class Long(Log):
    """Behind each batch the next is one of many reports."""

    def behind(self) -> float:
        return 200_000.0 * len(self._batches)


@pytest.fixture
def running(clickhouse, monkeypatch) -> Running:
    monkeypatch.setattr(process, "_FIRST_PAUSE", 0.01)
    running = Running(clickhouse)
    running.merges = Told()
    return running


def test_after_each_batch_what_still_waits(running):
    assert running.drained(Long(batch("1", 1), batch("2", 2), batch("3", 3)))
    assert running.merges.behind[:3] == [400_000, 200_000, 0]


def test_while_the_store_takes_nothing_that_nothing_waits(running):
    running.server.refuse(242, times=2, only="ledger")
    log = Long(batch("1", 1), batch("2", 2))
    running.watched(log, lambda: log.calls.count("commit") == 2)
    assert running.merges.behind[:4] == [0, 0, 200_000, 0]


def test_while_the_log_is_away_that_nothing_waits(running):
    log = Long(batch("1", 1), LogAway("no broker answers"), batch("2", 2), batch("3", 3))
    running.watched(log, lambda: log.calls.count("commit") == 3)
    assert running.merges.behind[:4] == [600_000, 0, 200_000, 0]


def test_and_where_nothing_came_for_a_while(running):
    log = Long(batch("1", 1), None, batch("2", 2), batch("3", 3))
    running.watched(log, lambda: log.calls.count("commit") == 3)
    assert running.merges.behind[:4] == [600_000, 0, 200_000, 0]
