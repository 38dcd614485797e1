"""The store opens once a data directory, survives a kill, and counts no insert twice and none never."""

import os
import shutil
import signal
import tempfile
import xml.etree.ElementTree as ET
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schema import clickhouse
from schema.clickhouse import Engine, StoreInUse, open_chdb
from schema.migrate import migrate
from schema.mutations import drop_old_parts
from tests.support.store import START, elsewhere, insert, violation
from tests.support.waiting import wait_for

COUNTED = ("violations", "minutes", "sources")
WEEK = 7 * 86400
ROWS = [violation(1, reports=3), violation(1, noise="extension", reports=4), violation(2, at=START - WEEK, reports=2)]


def counts(folder: Path) -> list[int]:
    """The sums of reports, by table, in the order of COUNTED."""
    with open_chdb(folder) as engine:
        return _sums(engine.client())


def _sums(client) -> list[int]:
    return [client.query(f"SELECT sum(reports) FROM {table}").result_rows[0][0] for table in COUNTED]


def fill_and_die(folder: Path) -> None:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        insert(client, ROWS, token="a")
        insert(client, [violation(1, reports=100)], token="b")
        newest = "SELECT argMax(path, min_block_number) FROM system.parts WHERE active AND table = {table:String}"
        paths = [client.query(newest, parameters={"table": table}).result_rows[0][0] for table in COUNTED]
        (folder / "newest").write_text("\n".join(paths))
        os.kill(os.getpid(), signal.SIGKILL)


def fill_again(folder: Path) -> list[int]:
    with open_chdb(folder) as engine:
        client = engine.client()
        insert(client, ROWS, token="a")
        insert(client, [violation(1, reports=100)], token="b")
        return _sums(client)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose process was killed after two inserts: 9 reports in two partitions, then 100."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.raises(BrokenProcessPool):
        elsewhere(fill_and_die, folder)
    return folder


def copy(killed: Path, folder: Path) -> list[Path]:
    """`killed` copied; the folders of the second insert's parts in it, in the order of COUNTED."""
    shutil.copytree(killed, folder, symlinks=True)
    paths = (killed / "newest").read_text().splitlines()
    return [folder / Path(path).resolve().relative_to(killed.resolve()) for path in paths]


def test_a_repeated_insert_is_dropped_in_every_table_after_a_kill(killed: Path, tmp_path: Path):
    copy(killed, tmp_path / "s")
    assert elsewhere(fill_again, tmp_path / "s") == [109, 109, 109]


@pytest.mark.parametrize("table", COUNTED)
def test_an_insert_killed_between_its_record_and_its_part_is_taken_again(killed: Path, tmp_path: Path, table: str):
    part = copy(killed, tmp_path / "s")[COUNTED.index(table)]
    shutil.rmtree(part)
    assert elsewhere(fill_again, tmp_path / "s") == [109, 109, 109]


def test_a_second_opening_is_refused(tmp_path: Path):
    with open_chdb(tmp_path), pytest.raises(StoreInUse), open_chdb(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError), open_chdb(tmp_path / "file" / "store"):  # noqa: PT011  (any of its kinds)
        pass


def test_files_of_killed_inserts_are_swept_and_the_temporary_folder_is_given_back(tmp_path: Path):
    left = tmp_path / "tmp" / "left.native"
    left.parent.mkdir()
    left.write_text("rows")
    before = tempfile.gettempdir()
    with open_chdb(tmp_path):
        assert not left.exists()
        assert tempfile.gettempdir() == str(tmp_path / "tmp")
    assert tempfile.gettempdir() == before


def test_the_engine_is_sized_for_a_small_machine(tmp_path: Path):
    # Elsewhere: the pools of threads are made once in a process, when chDB is imported.
    wanted, found = elsewhere(asked_and_in_force, tmp_path)
    assert found == wanted


def asked_and_in_force(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    with open_chdb(folder) as engine:
        client = engine.client()
        config = ET.parse(Path(clickhouse.__file__).with_name("engine") / "config.xml").getroot()
        wanted, found = {}, {}
        for table, its in (("server_settings", config), ("merge_tree_settings", config.find("merge_tree"))):
            asked = {setting.tag: setting.text for setting in its if not len(setting)}
            query = f"SELECT name, value FROM system.{table} WHERE name IN {{names:Array(String)}}"
            found |= dict(client.query(query, parameters={"names": list(asked)}).result_rows)
            wanted |= asked
        return wanted, found


def test_what_lies_where_a_user_starts_us_is_not_the_engines(tmp_path: Path):
    """A config.xml of the current folder is read by chDB, where nobody names another: many a project has one."""
    (tmp_path / "config.xml").write_text("<another><program")
    elsewhere(open_from, tmp_path)


def test_no_temporary_folder_but_our_own_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    elsewhere(open_from, tmp_path)


def open_from(folder: Path) -> None:
    os.chdir(folder)
    with open_chdb(Path("data")) as engine:
        assert engine.client().query("SELECT 1").result_rows == [(1,)]
    assert (folder / "data").is_dir()
    assert os.environ.get("TMPDIR") != str(folder / "data/tmp")


def test_threads_that_a_peak_made_go_again(tmp_path: Path):
    """A table with many parts is opened, a query goes many ways: by default all stay, with three files each."""
    elsewhere(make_and_end_a_peak, tmp_path)


def make_and_end_a_peak(folder: Path) -> None:
    with open_chdb(folder) as engine:
        client = engine.client()
        client.query(
            "SELECT sum(number % 7) FROM numbers_mt(30000000) SETTINGS max_threads = 64, max_block_size = 8192"
        )
        assert threads(client, "Shrinks") > 0
        there = dict(
            client.query("SELECT metric, value FROM system.metrics WHERE metric LIKE 'GlobalThread%'").result_rows
        )
        assert there["GlobalThread"] - there["GlobalThreadScheduled"] <= 16


def threads(client: Client, event: str) -> int:
    """How many were made (Expansions) and have ended (Shrinks) so far."""
    query = "SELECT sum(value) FROM system.events WHERE event = {event:String}"
    return client.query(query, parameters={"event": f"GlobalThreadPool{event}"}).result_rows[0][0]


def test_parts_are_removed_by_few_threads(store: Engine):
    """By default ClickHouse takes one a part, where more than a hundred wait."""
    client = store.client()
    client.command("CREATE TABLE many_parts (a UInt64) ENGINE = MergeTree ORDER BY a")
    try:
        for _ in range(120):
            client.command("INSERT INTO many_parts VALUES (1)")
        wait_for("those merged meanwhile are gone", lambda: drop_old_parts(client, ["many_parts"]))
        before = threads(client, "Expansions")
        client.command("OPTIMIZE TABLE many_parts FINAL")
        wait_for("the rest is gone", lambda: drop_old_parts(client, ["many_parts"]))
        assert threads(client, "Expansions") < before + 50
    finally:
        client.command("DROP TABLE many_parts")
