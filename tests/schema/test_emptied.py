"""A damaged part that ClickHouse would take for empty, and remove, is known for one before the engine opens."""

import shutil
from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.emptied import put_aside_emptied, seems_empty
from schema.migrate import migrate
from schema.part_files import PACKED, Index, index_of
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
    assert not any(map(seems_empty, whole))


@pytest.mark.parametrize("kind", ["small", "large"])
def test_nor_what_has_no_rows(parts, kind):
    assert not seems_empty(parts / f"{kind} without rows")


@pytest.mark.parametrize("text", ["0", "00"])
def test_a_large_part_that_counts_none_does(parts, tmp_path, text):
    shutil.copytree(parts / "large", tmp_path / "part")
    (tmp_path / "part" / "count.txt").write_text(text)
    assert seems_empty(tmp_path / "part")


def test_so_does_a_small_one(parts, tmp_path):
    data = bytearray((parts / "small" / PACKED).read_bytes())
    at = index(parts).places[b"count.txt"].begins
    assert data[at : at + 1] == b"3"
    data[at] = ord("0")
    assert seems_empty(part(tmp_path, data))


@pytest.mark.parametrize("name", [b"data.cmrk4", b"count.txt"])
def test_so_does_one_whose_index_says_another_place_of_the_marks_or_the_count(parts, tmp_path, name):
    whole = (parts / "small" / PACKED).read_bytes()
    at = whole.index(name) + len(name)
    for bit in range(64):
        data = bytearray(whole)
        data[at + bit // 8] ^= 1 << bit % 8
        assert seems_empty(part(tmp_path, data)), bit


def test_no_bit_of_an_index_stops_the_start(parts, tmp_path):
    whole = (parts / "small" / PACKED).read_bytes()
    for bit in range(8 * min(place.begins for place in index(parts).places.values())):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        seems_empty(part(tmp_path, data))


def test_it_is_put_aside_under_its_name(parts, tmp_path):
    table = tmp_path / "store" / "abc" / "abc-1"
    for name in ("all_1_1_0", "all_2_2_0", "tmp_merge_all_1_2_1"):
        shutil.copytree(parts / "large", table / name)
    for name in ("all_2_2_0", "tmp_merge_all_1_2_1"):
        (table / name / "count.txt").write_text("0")
    put_aside_emptied(tmp_path)
    found = {path.relative_to(table).as_posix() for path in table.rglob("count.txt")}
    assert found == {"all_1_1_0/count.txt", "detached/broken_all_2_2_0/count.txt", "tmp_merge_all_1_2_1/count.txt"}
