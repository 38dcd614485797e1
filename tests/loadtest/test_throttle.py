"""A process of a measurement that may use a share of its core only."""

import sys
import time

from loadtest.bench.child import Child
from loadtest.bench.throttle import throttled

BUSY = (sys.executable, "-c", "while True: pass")


def test_a_throttled_process_uses_about_its_share_and_runs_freely_afterwards(tmp_path):
    with Child(BUSY, tmp_path / "log") as child:
        with throttled(child, 0.2):
            time.sleep(2)
        began = time.monotonic()
        used = child.stop()  # by a signal that a stopped process would not take
    assert time.monotonic() - began < 5
    assert used.cpu_seconds < 0.4 * used.wall_seconds


def test_one_that_has_ended_is_left_alone(tmp_path):
    with Child((sys.executable, "-c", ""), tmp_path / "log") as child:
        child.wait(30)
        with throttled(child, 0.2):
            time.sleep(0.1)
