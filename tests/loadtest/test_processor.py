"""The processor's section: a real drain of a small backlog, and what is made of its rounds."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.bench import processor, stored
from loadtest.bench.child import Child, Failed, Usage, run
from loadtest.bench.options import Options
from loadtest.bench.processor import Drained


def options(folder: Path) -> Options:
    return Options(folder, console=Console(quiet=True), server_core=0)


def test_a_drain_is_measured_and_the_store_holds_exactly_the_traffic(tmp_path, monkeypatch):
    totals = []
    check = stored.check

    def remembered(data_dir, wanted):
        check(data_dir, wanted)
        totals.append(wanted)
        with pytest.raises(Failed, match="should hold"):
            check(data_dir, replace(wanted, reports=wanted.reports + 1))

    monkeypatch.setattr(stored, "check", remembered)
    done = processor.drained(options(tmp_path), "learned", 2000)
    assert totals[0].reports == done.reports == 2000
    assert totals[0].ignored.total() > 0
    assert totals[0].retried > 0
    assert done.used.cpu_seconds > 0
    assert done.used.peak_bytes > 50_000_000  # the engine alone is more
    assert list(tmp_path.iterdir()) == []


def test_the_shortest_start_is_taken_off_every_round():
    slow, quick = Usage(3.0, 2.5, 0, 0), Usage(2.0, 2.8, 0, 0)
    found = [Drained(1000, slow, Usage(4.0, 3.5, 1 << 20, 0)), Drained(1000, quick, Usage(4.0, 3.5, 1 << 20, 0))]
    start = processor._shortest(found)
    assert (start.wall_seconds, start.cpu_seconds) == (2.0, 2.5)
    done = replace(found[0], start=start)
    assert (done.rate, done.cpu_us, done.peak_mib) == (500, 1000, 1)


def test_a_process_that_fails_says_its_last_words_and_one_in_the_way_is_ended(tmp_path):
    with pytest.raises(Failed, match="no such thing"):
        run(["sh", "-c", "echo no such thing; exit 3"], tmp_path / "log")
    with pytest.raises(KeyboardInterrupt), Child(["sleep", "60"], tmp_path / "log") as child:
        raise KeyboardInterrupt
    assert child.wait(1).code == -15


def test_the_memory_of_a_process_is_its_own_and_not_that_of_who_started_it(tmp_path):
    held = bytearray(300 << 20)
    used = run([sys.executable, "-c", "import time; time.sleep(0.3)"], tmp_path / "log")
    assert 1 << 20 < used.peak_bytes < len(held) / 3


BUSY = "import time\nwhile time.process_time() < 1.5: pass\ntime.sleep(60)"


def test_a_processor_is_measured_until_it_rests(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "_QUIET_SECONDS", 2)
    monkeypatch.setattr(processor, "_QUIET", 0.1)
    with Child([sys.executable, "-c", BUSY], tmp_path / "log") as child:
        assert 1.4 <= processor._until_quiet(child) <= 2


def test_one_that_ends_or_never_rests_has_no_figure(tmp_path, monkeypatch):
    with Child(["true"], tmp_path / "log") as child, pytest.raises(Failed, match="ended"):
        processor._until_quiet(child)
    monkeypatch.setattr(processor, "_MERGED_SECONDS", 0.5)
    with Child([sys.executable, "-c", BUSY], tmp_path / "log") as child, pytest.raises(Failed, match="rest"):
        processor._until_quiet(child)
