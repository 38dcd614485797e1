"""From the log to the store: each batch counts once, whoever stores it and however often."""

import asyncio
import weakref
from threading import Event

import pytest

from log.protocols import USUAL_ROOM, Batch, Lost, Room
from log.reading import OtherVersion
from processor import process
from processor.process import Processor
from tests.support.processing import Log, Running, batch, delivery


@pytest.fixture
def running(clickhouse) -> Running:
    return Running(clickhouse)


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """Those asked for, none of which is made."""
    asked: list[float] = []

    async def rest(_: Processor, seconds: float, __: Event) -> None:
        asked.append(seconds)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(Processor, "_rest", rest)
    return asked


def test_batches_are_stored_and_then_committed(running):
    log = Log(batch("1", 1, 2), batch("2", 3))
    assert running.drained(log)
    assert log.calls == ["intend", "commit"] * 2
    assert running.one() == 3
    assert running.health.problems() == []


def test_a_batch_without_deliveries_is_committed(running):
    log = Log(batch("1"))
    assert running.drained(log)
    assert log.calls == ["intend", "commit"]
    assert running.one() == 0


def test_where_reports_repeat_the_next_batch_may_be_larger(running, monkeypatch):
    size = len(delivery(1).body)
    monkeypatch.setattr(process, "_ROWS", 4)
    monkeypatch.setattr(process, "USUAL_ROOM", Room(size, 1))
    monkeypatch.setattr(process, "_MOST", Room(20 * size, 15))
    log = Log(batch("1", 1, 2, 3, 4, 5, 6), batch("2", 1, 1, 1, 2, 2, 3), batch("3", 1, 1, 1, 1, 1, 1), batch("4", 1))
    assert running.drained(log)
    usual, for_four_rows, most = Room(size, 1), Room(8 * size, 8), Room(20 * size, 15)
    assert log.rooms == [usual, Room(4 * size, 4), for_four_rows, most, usual]  # one that isn't full says nothing


def test_a_batch_that_is_stored_is_gone_before_the_next_is_read(running):
    """Two at once would be a hundred megabytes more."""
    log = Watched(batch("1", 1), batch("2", 2))
    assert running.drained(log)
    assert log.alive == [False, False, False]
    assert running.one() == 2


class Watched(Log):
    """Whether the batch before was still there, each time one was asked for."""

    def __init__(self, *batches: Batch) -> None:
        super().__init__(*batches)
        self.alive: list[bool] = []
        self._before: weakref.ref[Batch] | None = None

    async def next(self, room: Room = USUAL_ROOM) -> Batch | None:
        self.alive.append(self._before is not None and self._before() is not None)
        found = await super().next(room)
        self._before = None if found is None else weakref.ref(found)
        return found


def test_a_repeat_of_a_batch_counts_once(running):
    first = batch("1", 1, 2)
    running.drained(Log(first))
    running.drained(Log(batch("2", 1, 2)))
    assert running.one() == 4
    running.drained(Log(Batch(first.id, first.deliveries, first.decided)))
    assert running.one() == 4
    assert running.one("SELECT sum(reports) FROM ledger WHERE outcome = 'stored'") == 4


@pytest.mark.parametrize("times", [1, 3])
def test_an_insert_that_is_cut_off_after_it_was_applied_counts_once(running, pauses, times):
    for table in ("violations", "ledger", "policies", "examples"):
        running.server.cut_after_applying(times=times, only=table)
    log = Log(batch("1", 1, 2), batch("2", 3))
    running.watched(log, lambda: log.calls.count("commit") == 2)
    assert running.one() == 3
    assert running.one("SELECT sum(reports) FROM minutes") == 3
    assert running.one("SELECT sum(reports) FROM ledger WHERE outcome = 'received'") == 3


def test_a_batch_that_another_repeats_while_our_insert_hangs_counts_once(running, pauses, monkeypatch):
    monkeypatch.setattr("schema.server.ANSWER_SECONDS", 1)
    running.server.hang_after_applying(times=1, only="violations")
    first = batch("1", 1, 2)
    asyncio.run(both(running, first))
    assert running.one() == 2
    assert running.one("SELECT sum(reports) FROM ledger WHERE outcome = 'stored'") == 2


async def both(running: Running, first: Batch) -> None:
    hanging = asyncio.create_task(running.run(Log(first, commit=[Lost()]), 60))
    while not running.server.counts()["violations"].hung:  # noqa: ASYNC110  # in another process
        await asyncio.sleep(0.02)
    running.stop.set()
    assert await running.run(Log(Batch(first.id, first.deliveries, first.decided)), 60)
    await hanging


@pytest.mark.parametrize("call", ["intend", "commit"])
def test_a_batch_that_is_lost_is_dropped_and_the_next_is_stored(running, call):
    log = Log(batch("1", 1), batch("2", 2, 3), **{call: [Lost()]})
    assert running.drained(log)
    assert log.calls[-2:] == ["intend", "commit"]
    assert running.one() == (2 if call == "intend" else 3)
    assert running.health.problems() == []


def test_an_insert_that_takes_long_asks_before_each_table_whether_the_batch_is_still_ours(running, monkeypatch):
    monkeypatch.setattr(process, "_SURE_SECONDS", 0.1)
    running.server.be_slow(0.2, only="examples")
    log = Log(batch("1", 1), intend=[None, Lost()])
    assert running.drained(log)
    assert log.calls == ["intend", "intend"]
    assert running.server.counts()["examples"].applied == 1
    assert running.one() == 0


def test_an_envelope_of_a_newer_version_stops_the_processor(running):
    with pytest.raises(OtherVersion):
        running.drained(Log(batch("1", 1), OtherVersion("run that version")))
    assert running.one() == 1


def test_what_is_left_when_it_stops_is_stored_for_so_long_and_no_longer(running):
    endless = Log(*(batch(str(number), number) for number in range(1000)))
    running.stop.set()
    assert not asyncio.run(running.run(endless, 0.5))
    assert 0 < endless.calls.count("commit") < 1000
