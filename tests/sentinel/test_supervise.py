"""Processes that die are started again; one that never comes up stops the program with its sentence."""

import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from sentinel import supervise
from sentinel.supervise import READY, Child, StartFailed, Supervisor, tell
from tests.support.waiting import wait_for


def lives(folder: Path, link: Connection) -> None:
    """Writes down its life, and waits for SIGTERM."""
    (folder / str(os.getpid())).write_text("")
    link.send(READY)
    signal.sigwait({signal.SIGTERM})


def refuses(link: Connection) -> None:
    link.send("no room here")


def refuses_when_told(folder: Path, link: Connection) -> None:
    if (folder / "refuse").exists():
        link.send("no room now")
        return
    lives(folder, link)


def comes_up_when_told(folder: Path, link: Connection) -> None:
    while not (folder / "up").exists():
        time.sleep(0.01)
    lives(folder, link)


def tells(folder: Path, link: Connection) -> None:
    """What stands in a file."""
    link.send(READY)
    threading.Thread(target=tell, args=(link, lambda: read(folder / "wrong")), daemon=True).start()
    signal.sigwait({signal.SIGTERM})


def read(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def of(*children: Child) -> Supervisor:
    return Supervisor([children], lambda _stage, _pid: None, lambda: None)


@pytest.fixture
def supervised():
    """Runs a supervisor in this thread until the test's own thread is done with it."""

    def run(supervisor: Supervisor, watch, *, at_once: bool = False) -> None:
        """`watch` runs when every process is ready, or at once."""
        failures = []

        def watched() -> None:
            try:
                watch()
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=watched)
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            if at_once:
                thread.start()
            supervisor.run(thread.start if not at_once else lambda: None)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        thread.join()
        assert not failures

    return run


def test_a_process_that_is_killed_is_started_again(tmp_path, supervised):
    child = Child("test", lives, (tmp_path,), stop_seconds=5)

    def watch() -> None:
        os.kill(child.process.pid, signal.SIGKILL)
        wait_for("it is started again", lambda: len(list(tmp_path.iterdir())) == 2)

    supervised(of(child), watch)


def test_one_that_never_comes_up_ends_the_program_with_its_sentence(supervised):
    with pytest.raises(StartFailed, match="no room here"):
        supervised(of(Child("test", refuses, (), stop_seconds=5)), lambda: None)


def test_one_that_was_up_and_cant_come_up_again_is_tried_on(tmp_path, supervised):
    child = Child("test", refuses_when_told, (tmp_path,), stop_seconds=5)

    def watch() -> None:
        (tmp_path / "refuse").write_text("")
        os.kill(child.process.pid, signal.SIGKILL)
        wait_for("it has ended early twice", lambda: child.early_ends >= 2)
        (tmp_path / "refuse").unlink()
        wait_for("it is started again", lambda: len(list(tmp_path.iterdir())) == 2)

    supervised(of(child), watch)


def test_stopping_ends_every_process(tmp_path, supervised):
    child = Child("test", lives, (tmp_path,), stop_seconds=5)
    seen = []
    supervised(of(child), lambda: seen.append(child.process))
    assert not seen[0].is_alive()


def test_as_long_as_a_process_is_not_up_it_is_said(tmp_path, supervised):
    up, late = (Child("test", run, (tmp_path,), stop_seconds=5) for run in (lives, comes_up_when_told))
    supervisor = of(up, late)
    assert supervisor.problems() == ["test: 2 of 2 processes not ready"]

    def watch() -> None:
        wait_for("it is ready", lambda: up.ready)
        assert supervisor.problems() == ["test: 1 of 2 processes not ready"]
        (tmp_path / "up").write_text("")
        wait_for("it is well", lambda: not supervisor.problems())

    supervised(supervisor, watch, at_once=True)


def test_a_process_that_died_is_said_with_why_it_cant_start_again(tmp_path, supervised):
    child = Child("test", refuses_when_told, (tmp_path,), stop_seconds=5)
    supervisor = of(child)

    def watch() -> None:
        assert supervisor.problems() == []
        (tmp_path / "refuse").write_text("")
        os.kill(child.process.pid, signal.SIGKILL)
        wait_for("it says why", lambda: supervisor.problems() == ["test: 1 of 1 processes not ready: no room now"])
        (tmp_path / "refuse").unlink()
        wait_for("it is well", lambda: not supervisor.problems())

    supervised(supervisor, watch)


def test_what_processes_tell_of_themselves_is_said_until_it_is_over(tmp_path, supervised, monkeypatch):
    supervisor = of(*(Child("test", tells, (tmp_path,), stop_seconds=5) for _ in range(2)))

    def watch() -> None:
        (tmp_path / "wrong").write_text("the store is away\nthe log is away\n")
        wait_for("both are told", lambda: supervisor.problems() == ["the store is away", "the log is away"])
        (tmp_path / "wrong").write_text("")
        wait_for("it is well", lambda: not supervisor.problems())

    supervised(supervisor, watch)


def test_a_process_that_tells_nothing_any_more_is_said(tmp_path, supervised, monkeypatch):
    monkeypatch.setattr(supervise, "_SILENCE_SECONDS", 2.5)
    child = Child("test", tells, (tmp_path,), stop_seconds=5)
    supervisor = of(child)

    def watch() -> None:
        wait_for("it is told to stop", lambda: child.told_at is not None)
        os.kill(child.process.pid, signal.SIGSTOP)
        wait_for("it is told to hang", lambda: "a process has not answered for" in "".join(supervisor.problems()))
        os.kill(child.process.pid, signal.SIGCONT)
        wait_for("it is well", lambda: not supervisor.problems())

    supervised(supervisor, watch)


def test_a_program_that_stops_is_not_ready(tmp_path, supervised):
    supervisor = of(Child("test", lives, (tmp_path,), stop_seconds=5))
    supervised(supervisor, lambda: None)
    assert "the program is stopping" in supervisor.problems()
