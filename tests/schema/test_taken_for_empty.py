"""A damaged part that ClickHouse would take for empty, and remove, is known for one before the engine opens."""

import shutil
from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.engine.part_files import PACKED, Index, index_of, is_cut_short
from schema.engine.parts import aside
from schema.engine.taken_for_empty import put_aside_taken_for_empty, taken_for_empty
from schema.migrate import migrate
from tests.support.store import elsewhere, insert, unpacked, violation


def kept(folder: Path) -> None:
    """The files of parts of all kinds, by their kind: a small one, a large one, and both without rows, as `forget`
    leaves them for a moment.
    """
    with open_chdb(folder / "store") as engine:
        client = engine.client()
        migrate(client, 90)
        client.command("SYSTEM STOP MERGES violations")
        client.command("ALTER TABLE violations MODIFY SETTING remove_empty_parts = 0")
        for kind, numbers in (("small", range(3)), ("large", range(3, 6))):
            if kind == "large":
                unpacked(client, "violations")
            insert(client, [violation(number) for number in numbers])
            query = "SELECT path FROM system.parts WHERE table = 'violations' AND active ORDER BY min_block_number DESC"
            shutil.copytree(client.query(query).result_rows[0][0], folder / kind)
            client.command("SYSTEM START MERGES violations")
            client.command("ALTER TABLE violations DELETE WHERE 1 SETTINGS mutations_sync = 1")
            shutil.copytree(client.query(query).result_rows[0][0], folder / f"{kind} without rows")
        insert(client, [violation(9)])
        insert(client, [violation(9, reports=-1)])
        client.command("ALTER TABLE violations DELETE WHERE reports = 7 SETTINGS mutations_sync = 1")
        everything = "SELECT path FROM system.parts WHERE active AND rows > 0"
        for number, [path] in enumerate(client.query(everything).result_rows):
            shutil.copytree(path, folder / "of any table" / str(number))


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    elsewhere(kept, folder)
    return folder


def part(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "part").mkdir(exist_ok=True)
    (tmp_path / "part" / PACKED).write_bytes(data)
    return tmp_path / "part"


def index(parts: Path) -> Index:
    found = index_of(parts / "small" / PACKED)
    assert found is not None
    return found


def test_what_is_whole_does_not_seem_empty(parts):
    whole = [parts / "small", parts / "large", *(parts / "of any table").iterdir()]
    assert len(whole) > 5
    assert not any(map(taken_for_empty, whole))


@pytest.mark.parametrize("kind", ["small", "large"])
def test_nor_what_has_no_rows(parts, kind):
    assert not taken_for_empty(parts / f"{kind} without rows")


@pytest.mark.parametrize("text", ["0", "00"])
def test_a_large_part_that_counts_none_does(parts, tmp_path, text):
    shutil.copytree(parts / "large", tmp_path / "part")
    (tmp_path / "part" / "count.txt").write_text(text)
    assert taken_for_empty(tmp_path / "part")


def test_so_does_a_small_one(parts, tmp_path):
    data = bytearray((parts / "small" / PACKED).read_bytes())
    at = index(parts).places[b"count.txt"].begins
    assert data[at : at + 1] == b"3"
    data[at] = ord("0")
    assert taken_for_empty(part(tmp_path, data))


@pytest.mark.parametrize("name", [b"data.cmrk4", b"count.txt"])
def test_so_does_one_whose_index_says_another_place_of_the_marks_or_the_count(parts, tmp_path, name):
    whole = (parts / "small" / PACKED).read_bytes()
    at = whole.index(name) + len(name)
    for bit in range(64):
        data = bytearray(whole)
        data[at + bit // 8] ^= 1 << bit % 8
        assert taken_for_empty(part(tmp_path, data)), bit


def test_no_bit_of_an_index_stops_the_start(parts, tmp_path):
    whole = (parts / "small" / PACKED).read_bytes()
    for bit in range(8 * min(place.begins for place in index(parts).places.values())):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        taken_for_empty(part(tmp_path, data))


def put_aside(parts: Path, tmp_path: Path, whole: list[str], damaged: list[str]) -> set[str]:
    """Where the parts of a table are afterwards. Damaged ones count no rows."""
    table = tmp_path / "store" / "abc" / "abc-1"
    for name in (*whole, *damaged):
        shutil.copytree(parts / "large", table / name)
    for name in damaged:
        (table / name / "count.txt").write_text("0")
    put_aside_taken_for_empty(tmp_path)
    return {path.parent.relative_to(table).as_posix() for path in table.rglob("count.txt")}


def test_it_is_put_aside_under_its_name(parts, tmp_path):
    found = put_aside(parts, tmp_path, ["all_1_1_0"], ["all_2_2_0", "tmp_merge_all_1_2_1"])
    assert found == {"all_1_1_0", "detached/broken_all_2_2_0", "tmp_merge_all_1_2_1"}


def test_not_where_what_it_was_merged_to_is_there(parts, tmp_path):
    assert put_aside(parts, tmp_path, ["all_1_3_1"], ["all_2_2_0"]) == {"all_1_3_1", "all_2_2_0"}


def test_where_what_it_was_merged_of_is_there_that_takes_its_place(parts, tmp_path):
    found = put_aside(parts, tmp_path, ["all_1_1_0", "all_2_2_0", "all_3_4_1"], ["all_1_4_2", "all_5_8_1"])
    assert found == {"all_1_1_0", "all_2_2_0", "all_3_4_1", "delete_tmp_all_1_4_2", "detached/broken_all_5_8_1"}


def test_a_folder_of_another_name_is_no_part(parts, tmp_path):
    assert "detached/broken_all_2_2_0" in put_aside(parts, tmp_path, ["all_old_copy_x"], ["all_2_2_0"])


def test_another_of_that_name_is_kept_too(parts, tmp_path):
    found = put_aside(parts, tmp_path, ["detached/broken_all_2_2_0", "detached/broken_all_2_2_0_try0"], ["all_2_2_0"])
    assert len(found) == 3
    assert "detached/broken_all_2_2_0_try1" in found


def merged(folder: Path) -> str:
    """A part that was just merged, of three reports."""
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        client.command("SYSTEM STOP MERGES violations")
        for number in range(3):
            insert(client, [violation(number)])
        client.command("SYSTEM START MERGES violations")
        client.command("OPTIMIZE TABLE violations FINAL")
        return client.query("SELECT path FROM system.parts WHERE active AND table = 'violations'").result_rows[0][0]


def opened(folder: Path) -> tuple[int, int]:
    """Reports, and what was put aside."""
    with open_chdb(folder) as engine:
        client = engine.client()
        [[reports]] = client.query("SELECT sum(reports) FROM violations").result_rows
        return reports, len(aside(client))


def test_its_reports_are_served_then_and_nothing_is_told_as_lost(tmp_path):
    packed = Path(elsewhere(merged, tmp_path / "store")) / PACKED
    data = bytearray(packed.read_bytes())
    data[index_of(packed).places[b"count.txt"].begins] = ord("0")
    packed.write_bytes(data)
    assert elsewhere(opened, tmp_path / "store") == (3, 0)


@pytest.mark.parametrize("name", ["count.txt", PACKED])
def test_what_can_not_be_read_is_left_to_clickhouse(tmp_path, name):
    table = tmp_path / "store" / "abc" / "abc-1"
    (table / "all_1_1_0").mkdir(parents=True)
    (table / "all_1_1_0" / name).symlink_to(name)  # to itself
    put_aside_taken_for_empty(tmp_path)
    assert (table / "all_1_1_0").is_dir()


def test_an_index_of_another_version_says_nothing(parts, tmp_path):
    data = bytearray((parts / "small" / PACKED).read_bytes())
    data[0] = 1
    for length in (len(data), 300):
        found = part(tmp_path, data[:length])
        assert not taken_for_empty(found)
        assert not is_cut_short(found / PACKED)
