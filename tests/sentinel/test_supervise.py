"""Processes that die are started again; one that never comes up stops the program with its sentence."""

import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from sentinel.supervise import READY, Child, StartFailed, Supervisor


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


@pytest.fixture
def supervised():
    """Runs a supervisor in this thread until the test's own thread is done with it."""
    running = []

    def run(child: Child, watch) -> Supervisor:
        supervisor = Supervisor([[child]], lambda _stage, _pid: None, lambda: None)
        running.append(supervisor)
        failures = []

        def watched() -> None:
            try:
                watch(child)
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=watched)
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            supervisor.run(thread.start)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        thread.join()
        assert not failures
        return supervisor

    return run


def wait_for(found, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_process_that_is_killed_is_started_again(tmp_path, supervised):
    def watch(child: Child) -> None:
        first = child.process.pid
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)

    supervised(Child("test", lives, (tmp_path,), stop_seconds=5), watch)


def test_one_that_never_comes_up_ends_the_program_with_its_sentence(supervised):
    with pytest.raises(StartFailed, match="no room here"):
        supervised(Child("test", refuses, (), stop_seconds=5), lambda _child: None)


def test_one_that_was_up_and_cant_come_up_again_is_tried_on(tmp_path, supervised):
    def watch(child: Child) -> None:
        (tmp_path / "refuse").write_text("")
        os.kill(child.process.pid, signal.SIGKILL)
        wait_for(lambda: child.early_ends >= 2)
        (tmp_path / "refuse").unlink()
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)

    supervised(Child("test", refuses_when_told, (tmp_path,), stop_seconds=5), watch)


def test_stopping_ends_every_process(tmp_path, supervised):
    seen = []
    supervised(Child("test", lives, (tmp_path,), stop_seconds=5), lambda child: seen.append(child.process))
    assert not seen[0].is_alive()
