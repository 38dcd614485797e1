"""What is wrong with a stage is told with since when, until it is right again."""

import re
import threading
import time

import pytest

from schema.health import Health


@pytest.fixture
def clock(monkeypatch) -> dict[str, float]:
    now = {"time": 1_782_907_390.0}  # 2026-07-01 12:03:10 UTC
    monkeypatch.setattr("schema.health.time.time", lambda: now["time"])
    return now


def test_at_first_nothing_is_wrong():
    assert Health().problems() == []


def test_what_is_wrong_is_told_with_since_when(clock):
    health = Health()
    health.wrong("store", "the store does not take inserts: too many parts")
    health.wrong("log", "Kafka at broker:9092 is away")
    assert health.problems() == [
        "the store does not take inserts since 2026-07-01T12:03:10Z: too many parts",
        "Kafka at broker:9092 is away since 2026-07-01T12:03:10Z",
    ]


def test_said_again_it_is_renewed_and_still_since_the_first_time(clock):
    health = Health()
    health.wrong("store", "the store does not take inserts: too many parts")
    clock["time"] += 60
    health.wrong("store", "the store does not take inserts: it is read-only")
    assert health.problems() == ["the store does not take inserts since 2026-07-01T12:03:10Z: it is read-only"]


def test_it_is_news_when_it_is_first_said_or_said_otherwise():
    health = Health()
    assert health.wrong("store", "the store is away: no route")
    assert not health.wrong("store", "the store is away: no route")
    assert health.wrong("store", "the store is away: connection refused")
    health.right("store")
    assert health.wrong("store", "the store is away: connection refused")


def test_what_is_right_again_is_forgotten(clock):
    health = Health()
    health.wrong("store", "the store is away")
    health.right("store")
    health.right("never wrong")
    assert health.problems() == []
    clock["time"] += 60
    health.wrong("store", "the store is away")
    assert health.problems() == ["the store is away since 2026-07-01T12:04:10Z"]


def test_whatever_is_said_each_is_one_line_of_bounded_length_and_there_are_few():
    health = Health()
    for number in range(1000):
        health.wrong(f"partition {number}", "one\r\ntwo: " + "x" * 10_000, hinders=False)
    found = health.troubles()
    assert 1 <= len(found) <= 20
    assert all(re.fullmatch(r"one two since \S+Z: x+", line) and len(line) < 400 for line in found)


def test_threads_may_write_and_read_at_once():
    health = Health()
    ends = time.monotonic() + 0.2
    failures = []

    def run(name: str) -> None:
        while time.monotonic() < ends:
            health.wrong(name, "wrong")
            if not any(line.startswith("wrong") for line in health.problems()):
                failures.append(name)
            health.right(name)

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert health.problems() == []


def test_what_does_not_hinder_is_no_problem_and_told_all_the_same():
    health = Health()
    health.wrong("channel", "messages can't be sent: it is away", hinders=False)
    assert health.problems() == []
    assert len(health.troubles()) == 1


def test_what_hinders_is_told_however_much_else_is_wrong():
    health = Health()
    for number in range(1000):
        health.wrong(f"partition {number}", "a part is damaged", hinders=False)
    assert health.wrong("store", "the store is away")
    assert len(health.problems()) == 1
