"""What is wrong with the store or the log is told, waited for, and costs no report."""

import asyncio
import time
from threading import Event

import pytest

from log.protocols import LogAway
from processor import process
from processor.process import Processor
from schema import metrics
from schema.health import Health
from schema.sites import Sites
from tests.support.processing import Log, Running, batch


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


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """In the program's log, as errors."""
    return [its.message for its in caplog.records if its.name == "sentinel.processor" and its.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("code", "name", "least"),
    [(252, "too-many-parts", 5), (242, "read-only", 2), (159, "away", 0.25), (4242, "refused", 2)],
)
def test_what_the_store_says_no_to_is_named_waited_for_and_stored_once(running, pauses, code, name, least, caplog):
    failed = metrics.INSERT_FAILURES.labels(name)._value.get()
    running.server.refuse(code, "No.", times=3, only="ledger")
    told: list[str] = []
    log = Log(batch("1", 1, 2))
    running.watched(log, lambda: told.extend(running.health.problems()) or "commit" in log.calls)
    assert running.one() == 2
    assert len(set(told)) == 1
    assert f"code {code})" in told[0]
    assert metrics.INSERT_FAILURES.labels(name)._value.get() == failed + 3
    assert len(pauses) == 3
    assert min(pauses) >= least
    assert running.health.problems() == []
    assert len(said(caplog)) == 1


def test_short_of_memory_it_is_tried_with_one_thread(running, pauses):
    running.server.refuse(241, times=1, only="violations")
    log = Log(batch("1", 1), batch("2", 2))
    running.watched(log, lambda: log.calls.count("commit") == 2)
    spare = [settings.get("max_threads") == 1 for settings in running.settings]
    assert spare.index(True) > 0
    assert spare[-1] is False  # the next batch has all it wants again
    assert running.one() == 2


def test_pauses_grow_while_the_store_is_away_and_it_is_said_once(running, pauses, caplog):
    running.server.cut_before_applying(times=None)
    told: list[str] = []
    log = Log(batch("1", 1))
    running.watched(log, lambda: told.extend(running.health.problems()) or len(pauses) >= 9)
    assert pauses[0] == process._FIRST_PAUSE
    assert pauses[:9] == sorted(pauses[:9])
    assert max(pauses) == process._LONGEST_PAUSE
    assert told[0].startswith("the store does not answer")
    assert len(said(caplog)) == 1
    assert "commit" not in log.calls


def test_pauses_have_jitter(running):
    async def rests() -> list[float]:
        found = []
        for _ in range(20):
            began = time.monotonic()
            await Processor(Log(), None, None, Sites(), Health())._rest(0.02, Event())
            found.append(time.monotonic() - began)
        return found

    found = asyncio.run(rests())
    assert min(found) >= 0.01
    assert len({round(pause, 4) for pause in found}) > 5


@pytest.mark.parametrize(("call", "commits"), [("intend", 1), ("commit", 3)])
def test_a_log_that_is_away_is_waited_for_and_the_batch_counts_once(running, pauses, call, commits):
    log = Log(batch("1", 1, 2), **{call: [LogAway("Kafka is away: nobody there"), LogAway("Kafka is away: still")]})
    told: list[str] = []
    running.watched(log, lambda: told.extend(running.health.problems()) or log.calls.count("commit") == commits)
    assert running.one() == 2
    assert told[0].startswith("Kafka is away since ")
    assert pauses == [process._FIRST_PAUSE, 2 * process._FIRST_PAUSE]
    assert running.health.problems() == []


def test_a_log_that_cant_be_read_is_waited_for_with_growing_pauses(running, pauses, caplog):
    log = Log(*[LogAway("Kafka is away: nobody there")] * 9, batch("1", 1))
    told: list[str] = []
    running.watched(log, lambda: told.extend(running.health.problems()) or "commit" in log.calls)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1], len(pauses)) == (process._FIRST_PAUSE, process._LONGEST_PAUSE, 9)
    assert told[0].startswith("Kafka is away since ")
    assert [its.message for its in caplog.records if its.name == "sentinel.processor"] == [
        "Kafka is away: nobody there"
    ]
    assert running.health.problems() == []


def test_to_stop_while_the_store_is_away_takes_no_time_and_the_intention_stays(running):
    running.server.cut_before_applying(times=None)
    log = Log(batch("1", 1))
    began: list[float] = []

    def away() -> bool:
        if running.health.problems() and not began:
            began.append(time.monotonic())
        return bool(began)

    assert not running.watched(log, away)
    assert time.monotonic() - began[0] < 3
    assert log.calls[-1] == "intend"
