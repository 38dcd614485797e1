"""A process of a measurement that may use a share of its core only."""

import sys
import time

from loadtest.bench import proc
from loadtest.bench.child import Child
from loadtest.bench.throttle import throttled

BUSY = (sys.executable, "-c", "while True: pass")


def share_used(child: Child, seconds: float) -> float:
    """Of a core, while that time goes by."""
    began, used = time.monotonic(), proc.cpu_seconds(child.pid)
    time.sleep(seconds)
    return (proc.cpu_seconds(child.pid) - used) / (time.monotonic() - began)


def test_a_throttled_process_uses_about_its_share_and_runs_freely_afterwards(tmp_path):
    with Child(BUSY, tmp_path / "log") as child:
        with throttled(child, 0.2):
            share = share_used(child, 2)
        freely = share_used(child, 1)
        began = time.monotonic()
        child.stop()  # by a signal that a stopped process would not take
    assert time.monotonic() - began < 5
    assert 0.05 < share < 0.4  # less than its share where others want the core too
    assert freely > 1.5 * share


def test_one_that_has_ended_is_left_alone(tmp_path):
    with Child((sys.executable, "-c", ""), tmp_path / "log") as child:
        child.wait(30)
        with throttled(child, 0.2):
            time.sleep(0.1)
