import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from ingest.memory import keep_freed_memory

if {keeps}:
    keep_freed_memory()
for turn in range(60):
    if turn == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bodies = [bytes(10_000) for _ in range(100)]
    del bodies
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keeps: bool) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.format(keeps=keeps)], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others have other rules")
def test_the_memory_of_one_turn_serves_the_next():
    assert faults(keeps=True) * 10 < faults(keeps=False)
