"""`backup` beside a running `run`, with reports coming in; `restore`; kills in the middle. Nothing lost, none twice."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path

import pytest

from sentinel import layout, places, stages
from sentinel.backing_up import backup
from sentinel.cli import main
from sentinel.explained import CannotStart
from sentinel.restoring import restore
from sentinel.settings import Settings
from sentinel.snapshot import remove_left
from sentinel.spools import held
from tests.e2e.test_crash import Sender
from tests.support.program import Program
from tests.support.stages import command
from tests.support.store import elsewhere

# `backup`, killed in the middle of the store's files.
_KILLED = """
import os, signal, sys
from sentinel import backing_up
from sentinel.cli import main
whole = backing_up.copy
def copy(source, to, progress):
    copied = whole(source, to, progress)
    if source.suffix == ".packed":
        os.kill(os.getpid(), signal.SIGKILL)
    return copied
backing_up.copy = copy
main(sys.argv[1:])
"""
LEDGER = "SELECT outcome, sum(reports) FROM ledger GROUP BY outcome"


def stored(data_dir: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Reports by page, and the ledger, once all of the spool is stored."""
    from schema.clickhouse import open_chdb

    stages.drain(Settings(data_dir=data_dir))
    with open_chdb(data_dir / "store") as engine:
        client = engine.client()
        pages = client.query("SELECT document_url, sum(reports) FROM violations GROUP BY document_url").result_rows
        return dict(pages), dict(client.query(LEDGER).result_rows)


class Backups:
    """Of a run under load: one that was killed, and two that were not, with what was answered 204 before each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.before = folder, []
        stop = threading.Event()
        with Program(folder, "--workers", "2") as program:
            self.data_dir = program.data_dir
            senders = [Sender(program, str(number), stop, pause=0.01) for number in range(2)]
            for sender in senders:
                sender.start()
            for number in range(2):
                time.sleep(1)
                self.before.append(set().union(*(set(sender.answered) for sender in senders)))
                self.make(number)
                if not number:
                    self.kill_one()
            stop.set()
            for sender in senders:
                sender.join()
            self.answered = set().union(*(sender.answered for sender in senders))
            self.ledger = program.settle(len(self.answered))
            rows = (json.loads(line) for line in program.read("/api/export?format=ndjson").splitlines())
            self.in_the_end = {row["document_url"]: row["reports"] for row in rows}

    def make(self, name: object) -> None:
        done = command("backup", self.folder / str(name), seconds=240, data_dir=self.data_dir)
        assert done.returncode == 0, done.stderr

    def kill_one(self) -> None:
        """While it copies."""
        arguments = ["backup", self.folder / "killed", "--data-dir", self.data_dir]
        ended = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert list(self.folder.glob("killed.partial/store/**/*.packed"))


@pytest.fixture(scope="module")
def backups(tmp_path_factory):
    return Backups(tmp_path_factory.mktemp("backed-up"))


def restored(backups: Backups, name: object, to: Path) -> Path:
    done = command("restore", backups.folder / str(name), data_dir=to)
    assert done.returncode == 0, done.stderr
    return to


def test_what_was_answered_before_a_backup_is_in_it_once(backups, tmp_path: Path):
    pages, ledger = elsewhere(stored, restored(backups, 1, tmp_path / "data"))
    assert backups.before[1] - pages.keys() == set(), "lost"
    assert set(pages.values()) == {1}, "counted twice"
    assert pages.keys() <= backups.answered
    assert ledger == {"received": len(pages), "stored": len(pages)}
    assert len(backups.before[1]) > len(backups.before[0]) > 0


def test_a_backup_changes_nothing_of_what_it_is_made_of(backups):
    assert backups.in_the_end == Counter(backups.answered)
    assert backups.ledger["balanced"]
    assert not list(backups.data_dir.glob("snapshot-*"))


def test_a_killed_backup_is_no_backup_and_the_next_one_takes_its_place(backups, tmp_path: Path):
    assert not (backups.folder / "killed").exists()
    unfinished = backups.folder / "killed.partial"
    assert "no backup" in command("restore", unfinished, data_dir=tmp_path / "data").stderr
    backups.make("killed")  # without a program
    assert not unfinished.exists()
    pages, _ = elsewhere(stored, restored(backups, "killed", tmp_path / "data"))
    assert pages == Counter(backups.answered)


def changed(folder: Path, **fields: object) -> None:
    """As another version would have written it."""
    (folder / "manifest.json.sha256").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **fields}))


def put_a_folder_there(folder: Path) -> None:
    file = next(folder.glob("spool/*/*.seg"))
    file.unlink()
    file.mkdir()


def put_a_pipe_there(pattern: str):
    def put(folder: Path) -> None:
        file = next(folder.glob(pattern))
        file.unlink()
        os.mkfifo(file)

    return put


def flip_a_byte(folder: Path) -> None:
    file = next(folder.glob("store/chdb/store/*/*/*/data.packed"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def change_the_manifest(at: float):
    """One byte, in a way that it can still be read."""

    def change(folder: Path) -> None:
        text = bytearray((folder / "manifest.json").read_bytes())
        place = next(i for i in range(int(at * len(text)), len(text)) if chr(text[i]) in "0123456789abcdef \n")
        text[place] = ord("\t" if chr(text[place]).isspace() else "8" if text[place] != ord("8") else "9")
        (folder / "manifest.json").write_bytes(text)

    return change


@pytest.mark.parametrize(
    "damage, says",
    [
        *((change_the_manifest(at / 10), "manifest.json is not as it was written") for at in range(10)),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json is not as it was written"),
        (lambda folder: (folder / "manifest.json.sha256").write_text("x"), "manifest.json.sha256 beside it isn't"),
        (flip_a_byte, "is not as it was backed up"),
        (lambda folder: next(folder.glob("spool/*/*.seg")).unlink(), "is missing from the backup"),
        (put_a_folder_there, "is missing from the backup"),
        *((put_a_pipe_there(one), "is no file") for one in ("spool/*/*.seg", "manifest.json", "manifest.json.sha256")),
        (lambda folder: changed(folder, made=1), "can't be read"),
        (lambda folder: changed(folder, files={}), "names no files"),
        (lambda folder: changed(folder, files={"store/\0": {"bytes": 0, "sha256": ""}}), "outside of the backup"),
        (lambda folder: changed(folder, format=2, program="9.0"), "made by a newer csp-sentinel (9.0)"),
        (lambda folder: changed(folder, migration=9999), "made by a newer csp-sentinel"),
        (lambda folder: changed(folder, layout=2), "made by a newer csp-sentinel"),
        (lambda folder: changed(folder, files={"../evil": {"bytes": 0, "sha256": ""}}), "outside of the backup"),
        (lambda folder: changed(folder, links={"store/chdb/metadata/x": "../../../../up"}), "outside of the backup"),
    ],
)
def test_a_backup_that_is_not_right_is_refused_and_leaves_nothing(backups, tmp_path, capsys, damage, says):
    folder = shutil.copytree(backups.folder / "0", tmp_path / "copy", symlinks=True)
    damage(folder)
    with pytest.raises(CannotStart, match=re.escape(says)):
        restore(Settings(data_dir=tmp_path / "data"), Namespace(folder=folder))
    assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())


def test_the_manifest_can_be_checked_by_the_usual_tool(backups):
    subprocess.run(["sha256sum", "--check", "manifest.json.sha256"], cwd=backups.folder / "0", check=True)


def test_a_backup_of_before_there_was_a_checksum_is_restored_and_that_is_said(backups, tmp_path, capsys):
    folder = shutil.copytree(backups.folder / "0", tmp_path / "copy", symlinks=True)
    (folder / "manifest.json.sha256").unlink()
    assert restore(Settings(data_dir=tmp_path / "data"), Namespace(folder=folder)) == 0
    assert "has no manifest.json.sha256, as one of an older version" in capsys.readouterr().err


def test_a_data_dir_in_use_is_not_restored_into(backups, tmp_path):
    (tmp_path / "store").mkdir()
    with pytest.raises(CannotStart, match="is not empty"):
        restore(Settings(data_dir=tmp_path), Namespace(folder=backups.folder / "0"))


def test_a_restore_cut_short_is_not_started_with_and_is_done_again(backups, tmp_path):
    layout.write(tmp_path, unfinished="restore")
    (tmp_path / "store").mkdir()
    for name in ("run", "process", "export", "import", "backup"):
        more = {"import": ["x"], "backup": [tmp_path / "b"]}.get(name, [])
        with pytest.raises(SystemExit) as ended:
            main([name, "--data-dir", str(tmp_path), *map(str, more)])
        assert ended.value.code == 1
    assert restore(Settings(data_dir=tmp_path), Namespace(folder=backups.folder / "0")) == 0
    layout.check(tmp_path)


def test_a_place_that_cannot_be_made_is_said_of_the_backup(backups, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="the backup can't be made"):
        backup(Settings(data_dir=backups.data_dir), Namespace(folder=tmp_path / "file" / "x"))


def test_what_a_kill_left_of_a_snapshot_is_removed_unless_a_backup_is_made_of_it(tmp_path):
    left = tmp_path / "snapshot-1-2" / "store"
    left.mkdir(parents=True)
    with held(Settings(data_dir=tmp_path), "backup"):
        remove_left(tmp_path)
        assert left.exists()
    remove_left(tmp_path)
    assert not left.parent.exists()


@pytest.mark.parametrize("folder, says", [("data", "is there already"), ("data/in", "inside the data dir")])
def test_a_backup_goes_into_a_folder_of_its_own(backups, folder, says):
    with pytest.raises(CannotStart, match=says):
        backup(Settings(data_dir=backups.data_dir), Namespace(folder=backups.folder / folder))


def test_only_the_one_machine_mode_is_backed_up(tmp_path):
    elsewhere_ = places.STORE.read("clickhouse://h/d")
    for settings, says in ((Settings(store=elsewhere_), "one-machine mode"), (Settings(data_dir=tmp_path), "no store")):
        with pytest.raises(CannotStart, match=says):
            backup(settings, Namespace(folder=tmp_path / "b"))
