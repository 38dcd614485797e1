"""`backup` beside a running `run`, with reports coming in; `restore`; kills in the middle. Nothing lost, none twice."""

import json
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.test_crash import Sender
from tests.support.program import Program
from tests.support.stages import command


def exported(program: Program) -> Counter[str]:
    rows = (json.loads(line) for line in program.read("/api/export?format=ndjson").splitlines())
    return Counter({row["document_url"]: row["reports"] for row in rows})


@pytest.fixture(scope="module")
def backups(tmp_path_factory):
    """A run under load, three backups of it, and what was answered 204 before each; the last as it was at the end."""
    folder = tmp_path_factory.mktemp("backed-up")
    stop, before = threading.Event(), []
    with Program(folder, "--workers", "2") as program:
        senders = [Sender(program, str(number), stop) for number in range(2)]
        for sender in senders:
            sender.start()
        for number in range(3):
            time.sleep(1)
            before.append(set().union(*(set(sender.answered) for sender in senders)))
            done = command("backup", folder / str(number), data_dir=program.data_dir)
            assert done.returncode == 0, done.stderr
        stop.set()
        for sender in senders:
            sender.join()
        answered = set().union(*(sender.answered for sender in senders))
        assert program.settle(len(answered))["balanced"]
        assert exported(program) == Counter(answered)  # the backups changed nothing
        assert program.stop() == 0
    return folder, before, answered


def test_what_was_answered_before_a_backup_is_in_it_once(backups, tmp_path: Path):
    folder, before, answered = backups
    for number, earlier in enumerate(before):
        place = tmp_path / str(number)
        done = command("restore", folder / str(number), data_dir=place / "data")
        assert done.returncode == 0, done.stderr
        with Program(place, "--workers", "1") as program:
            program.settle(len(earlier))
            assert program.stop() == 0  # which stores what is left in the spool
            program.start()
            found, ledger = exported(program), program.get("/api/ledger")
        assert earlier - found.keys() == set(), "lost"
        assert set(found.values()) == {1}, "counted twice"
        assert found.keys() <= answered
        assert ledger["balanced"]
        assert ledger["stored"] == len(found)
    assert len(before[-1]) > len(before[0]) > 0
    assert not list(folder.glob("*.partial"))
    assert not list((folder / "data").glob("snapshot-*"))
