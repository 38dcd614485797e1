"""How `make soak` judges, and a soak of some seconds; the hour is for people."""

import json
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET

import pytest

from tests.e2e.drill import disk
from tests.e2e.soak.samples import Life, Sample
from tests.e2e.soak.sender import Account
from tests.e2e.soak.timetable import Timetable, Trouble
from tests.e2e.soak.verdict import judge_lives, judge_totals


def life(name="processor", *, seconds=1200, memory=lambda at: 200.0, files=lambda at: 30, threads=lambda at: 12):
    return Life(name, [Sample(at, memory(at), files(at), threads(at)) for at in range(0, seconds + 1, 5)])


def holds(*lives, must=True):
    return [line.holds for line in judge_lives(lives, must=must)]


def test_what_stays_flat_holds():
    assert holds(life(), life("console")) == [True, True]


def test_memory_may_grow_while_a_process_warms_up():
    assert holds(life(memory=lambda at: 100 + min(at, 600) / 4)) == [True]


def test_memory_that_goes_up_and_down_is_flat():
    assert holds(life(memory=lambda at: 200 + at % 60)) == [True]


def test_memory_that_grows_on_does_not_hold():
    assert holds(life(memory=lambda at: 200 + at / 30)) == [False]


def test_files_that_stay_open_do_not_hold():
    assert holds(life(files=lambda at: 30 + at // 60)) == [False]


def test_threads_that_never_end_do_not_hold():
    assert holds(life(threads=lambda at: 12 + at // 120)) == [False]


def test_a_leak_in_one_of_several_lives_is_found():
    assert holds(life(), life(memory=lambda at: 200 + at / 30), life()) == [False]


def test_each_start_is_a_life_of_its_own():
    """Together they would be a line that rises."""
    assert holds(life(memory=lambda at: 100.0), life(memory=lambda at: 200.0)) == [True]


def test_a_worker_has_less_room_than_the_others_and_at_any_time():
    assert holds(life("run, worker", seconds=10, memory=lambda at: 151.0), must=False) == [False]
    assert holds(life("run, store", seconds=10, memory=lambda at: 151.0), must=False) == [True]


def test_lives_too_short_to_be_judged_hold_only_in_a_soak_that_was_short():
    assert holds(life(seconds=100), must=False) == [True]
    assert holds(life(seconds=100), must=True) == [False]


def ledger(received=10, **more):
    return {
        "received": received, "stored": 8, "retried": 1, "ignored": {"deprecation": 1}, "sampled": 0, "foreign": 0,
        "rejected": {}, "balanced": True,
    } | more  # fmt: skip


SITE = Account("a-0-0", answered=10, again=1, others=1)


def exact(account=SITE, site=None, rows=8, **more):
    found = ledger(**more)
    return all(line.holds for line in judge_totals("run", [account], {account.site: site or found}, found, rows))


def test_totals_that_agree_are_exact():
    assert exact()


@pytest.mark.parametrize(
    "wrong",
    [
        {"received": 9, "stored": 7, "rows": 7},  # lost
        {"received": 11, "stored": 9, "rows": 9},  # doubled
        {"rows": 9},
        {"received": 11},
        {"balanced": False},
        {"stored": 7, "retried": 2, "rows": 7},  # an equal report taken for a retry
        {"stored": 7, "ignored": {"deprecation": 2}, "retried": 1, "account": Account("a-0-0", 10, 0, 1)},
    ],
)
def test_one_report_too_many_or_too_few_is_seen(wrong):
    assert not exact(**wrong)


@pytest.mark.parametrize(("received", "is_exact"), [(10, True), (12, True), (11, False), (13, False)])
def test_a_post_without_an_answer_is_there_as_a_whole_or_not_at_all(received, is_exact):
    account = Account("a-0-0", answered=10, again=1, others=1, doubt=2)
    stored = received - 2
    assert exact(account, received=received, stored=stored, rows=stored) is is_exact


def test_what_one_site_lacks_another_cannot_make_up_for():
    accounts = [SITE, Account("a-0-1", answered=10, again=1, others=1)]
    by_site = {"a-0-0": ledger(9, stored=7), "a-0-1": ledger(11, stored=9)}
    whole = ledger(20, stored=16, retried=2, ignored={"deprecation": 2})
    assert not all(line.holds for line in judge_totals("run", accounts, by_site, whole, 16))


def test_a_fault_that_does_not_happen_is_told_and_the_others_go_on():
    def fail(chance):
        raise AssertionError("it stayed away")

    told = []
    table = Timetable("run", [Trouble("a", False, fail), Trouble("b", False, lambda chance: "done")], 1, 1, told.append)
    table.start()
    while len(table.happened) < 2:
        table.join(0.01)
    table.stop()
    assert {(found.name, found.failed, found.said) for found in table.happened[:2]} == {
        ("a", True, "it stayed away"),
        ("b", False, "done"),
    }
    assert any("DID NOT: it stayed away" in line for line in told)


def test_a_soak_that_is_interrupted_judges_what_has_run_so_far(tmp_path):
    """Of `run` alone; the seed begins with a worker killed."""
    if reason := disk.reason_missing():
        pytest.skip(reason)
    command = [sys.executable, "-m", "tests.e2e.soak", "--only", "run", "--minutes", "1", "--seed", "1",
               "--out", tmp_path]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as soak:
        said = []
        late = threading.Timer(600, soak.kill)
        late.start()
        for line in soak.stdout:
            said.append(line)
            if "worker killed" in line:
                soak.send_signal(signal.SIGINT)
    late.cancel()
    assert soak.returncode == 0, "".join(said)
    found = json.loads((tmp_path / "soak.json").read_text())
    assert found["holds"]
    assert [fault["name"] for fault in found["faults"]][:1] == ["worker killed"]
    assert {life["name"] for life in found["samples"]["lives"].values()} == {"run", "run, store", "run, worker"}
    assert any("each site exact" in line["text"] for line in found["lines"])
    assert "resident memory" in "".join(ET.parse(tmp_path / "soak.svg").getroot().itertext())
