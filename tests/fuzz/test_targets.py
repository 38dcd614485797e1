"""The short run: what fuzzing kept, changes of it, and the fuzzer itself; `make fuzz` is the long one."""

import platform
import subprocess
import sys
from pathlib import Path
from time import thread_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import CORPUS, TARGETS, kept
from tests.fuzz.timed import MOST_SECONDS, TooSlow, timed

EXAMPLES = 100


def changed(one: bytes, other: bytes, at: int, length: int, put: bytes) -> bytes:
    """The begin of one, something between, and the end of another."""
    return one[:at] + put + other[at + length :]


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_kept_and_changes_of_it_break_nothing_and_take_no_longer_than_50_ms(name: str):
    run, longest = TARGETS[name]
    found = kept(name)
    assert found, f"`make fuzz TARGET={name} FUZZ=--keep` keeps some"
    inputs = [*found, *seeds()[name]]
    for one in inputs:
        timed(run, one)
    some = st.sampled_from(inputs)

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.builds(changed, some, some, st.integers(0, 400), st.integers(0, 40), st.binary(max_size=12)))
    def try_changes(data: bytes) -> None:
        timed(run, data[:longest])

    try_changes()


def test_an_input_that_always_takes_too_long_is_told():
    tried = []

    def slow(data: bytes) -> None:
        tried.append(data)
        ends = thread_time() + 1.2 * MOST_SECONDS
        while thread_time() < ends:
            pass

    with pytest.raises(TooSlow, match="5 bytes"):
        timed(slow, b"input")
    assert len(tried) == 4


def test_an_input_that_takes_too_long_once_is_none(monkeypatch: pytest.MonkeyPatch):
    times = iter([0, 1, 1, 1.01, 2, 3, 3, 4])
    monkeypatch.setattr("tests.fuzz.timed.thread_time", lambda: next(times))
    timed(lambda data: None, b"")


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or sys.version_info >= (3, 14),
    reason="not for this Python or machine: atheris has no wheel",
)
def test_the_fuzzer_finds_nothing_in_a_short_run(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.guided",
        "report",
        "-runs=2000",
        "-seed=1",
        tmp_path,
        CORPUS / "report",
    ]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    assert "Done 2000 runs" in found.stderr
