"""Records of inserts whose part is not there: which of them are taken out before the engine opens."""

from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.engine.unapplied import forget_unapplied_inserts
from schema.migrate import migrate
from tests.support.store import elsewhere, insert, violation


def test_a_record_of_a_part_that_is_there_or_was_merged_is_kept(tmp_path: Path):
    lines = "1\tall_1_1_0\tall_77\n1\tall_2_2_0\tall_78\n"
    log = _table(tmp_path, {1: lines}, parts=["all_1_2_1"])
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == lines


def test_only_the_last_record_is_doubted(tmp_path: Path):
    log = _table(tmp_path, {1: "1\tall_1_1_0\tall_77\n1\tall_2_2_0\tall_78\n"}, parts=[])
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == "1\tall_1_1_0\tall_77\n"


def test_the_last_record_may_stand_in_the_log_before_an_empty_one(tmp_path: Path):
    log = _table(tmp_path, {9: "1\tall_1_1_0\tall_77\n", 10: ""}, parts=[])
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == ""


@pytest.mark.parametrize("torn", ["1\tall_2", "1\tall_2_2_0\tall_7", "1"])
def test_a_record_cut_short_is_taken_out(tmp_path: Path, torn: str):
    log = _table(tmp_path, {1: "1\tall_1_1_0\tall_77\n" + torn}, parts=["all_1_1_0", "all_2_2_0"])
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == "1\tall_1_1_0\tall_77\n"


def test_a_damaged_log_stops_no_start(tmp_path: Path):
    log = _table(tmp_path, {1: ""}, parts=["all_1_1_0"])
    damaged = b"1\tall_1_1_0\tall_78\n1\tall_\xb1_1_0\tall_77\n"
    log.write_bytes(damaged + b"1\tall_2")
    forget_unapplied_inserts(tmp_path)
    assert log.read_bytes() == damaged
    forget_unapplied_inserts(tmp_path)
    assert log.read_bytes() == damaged


def test_a_dropped_parts_record_is_kept(tmp_path: Path):
    log = _table(tmp_path, {1: "2\tall_1_1_0\tall_77\n"}, parts=[])
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == "2\tall_1_1_0\tall_77\n"


def hollow(table: Path, part: str, file: str = "checksums.txt") -> None:
    (table / part / file).touch()


@pytest.mark.parametrize("file", ["checksums.txt", "data.packed"])
def test_the_record_of_a_part_that_a_full_disk_left_empty_is_taken_out_wherever_it_stands(tmp_path: Path, file: str):
    lines = "1\tall_1_1_0\tall_77\n1\tall_2_2_0\tall_78\n1\tall_3_3_0\tall_79\n"
    log = _table(tmp_path, {1: lines}, parts=["all_1_1_0", "all_2_2_0", "all_3_3_0"])
    hollow(log.parent.parent, "all_2_2_0", file)
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == "1\tall_1_1_0\tall_77\n1\tall_3_3_0\tall_79\n"


def a_small_part(folder: Path) -> bytes:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        insert(client, [violation()])
        [[path]] = client.query("SELECT path FROM system.parts WHERE table = 'violations' AND active").result_rows
        return (Path(path) / "data.packed").read_bytes()


def test_so_is_that_of_a_small_part_that_was_cut_short(tmp_path: Path):
    whole = elsewhere(a_small_part, tmp_path / "store")
    line = "1\tall_1_1_0\tall_77\n"
    for length in (0, 1, 8, 9, 100, 300, 1000, len(whole) - 1, len(whole)):
        log = _table(tmp_path / str(length), {1: line + "2\tall_0_0_0\tall_1\n"}, parts=["all_1_1_0"])
        (log.parent.parent / "all_1_1_0" / "data.packed").write_bytes(whole[:length])
        forget_unapplied_inserts(tmp_path / str(length))
        assert (line in log.read_text()) == (length == len(whole)), length


def test_a_small_part_whose_index_is_damaged_keeps_it(tmp_path: Path):
    """ClickHouse may serve it: it does not ask for the place of each file in it."""
    whole = elsewhere(a_small_part, tmp_path / "store")
    begins = whole.index(b"columns_substreams.txt") + len("columns_substreams.txt")
    line = "1\tall_1_1_0\tall_77\n"
    for at in (begins, begins + 2, begins + 8, begins + 10):
        log = _table(tmp_path / str(at), {1: line}, parts=["all_1_1_0"])
        damaged = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        (log.parent.parent / "all_1_1_0" / "data.packed").write_bytes(damaged)
        forget_unapplied_inserts(tmp_path / str(at))
        assert log.read_text() == line, at


@pytest.mark.parametrize("name", ["tmp_merge_all_1_1_1", "tmp_insert_all_2_2_0", "delete_tmp_all_1_1_0", "detached"])
def test_what_a_kill_left_half_made_is_no_part(tmp_path: Path, name: str):
    lines = "1\tall_1_1_0\tall_77\n"
    log = _table(tmp_path, {1: lines}, parts=["all_1_1_0", name])
    hollow(log.parent.parent, name)
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == lines


def test_it_is_kept_where_that_part_was_merged_all_the_same(tmp_path: Path):
    lines = "1\tall_1_1_0\tall_77\n1\tall_2_2_0\tall_78\n"
    log = _table(tmp_path, {1: lines}, parts=["all_1_1_0", "all_2_2_0", "all_1_2_1"])
    hollow(log.parent.parent, "all_2_2_0")
    forget_unapplied_inserts(tmp_path)
    assert log.read_text() == lines


def test_a_log_of_another_name_is_left_to_clickhouse(tmp_path: Path):
    log = _table(tmp_path, {1: "1\tall_1_1_0\tall_77\n"}, parts=[])
    other = log.with_name("deduplication_log_x.txt")
    other.write_text("1\tall_9_9_0\tall_77\n")
    forget_unapplied_inserts(tmp_path)
    assert (log.read_text(), other.read_text()) == ("", "1\tall_9_9_0\tall_77\n")


def _table(folder: Path, logs: dict[int, str], parts: list[str]) -> Path:
    table = folder / "store" / "abc" / "abc-1"
    (table / "deduplication_logs").mkdir(parents=True)
    for part in parts:
        (table / part).mkdir()
    for number, text in logs.items():
        (table / "deduplication_logs" / f"deduplication_log_{number}.txt").write_text(text)
    return table / "deduplication_logs" / f"deduplication_log_{min(logs)}.txt"
