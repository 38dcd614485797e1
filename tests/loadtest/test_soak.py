"""The memory of processes that are watched for a while."""

import os
import subprocess
import sys

import pytest

from loadtest.bench.child import Failed
from loadtest.bench.soak import resident


def test_a_process_that_runs_has_memory():
    assert resident("worker", os.getpid()) > 1 << 20


def test_a_process_that_ended_ends_the_soak():
    """As nothing its memory would look flat."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(Failed, match="the worker ended during the soak"):
        resident("worker", ended.pid)
