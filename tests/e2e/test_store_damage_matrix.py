"""Each file of a store, damaged in each way, all in one start: it opens, says what is damaged, and serves the rest."""

import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.engine import definitions, parts
from schema.engine.part_files import index_of
from schema.engine.replacing import remove_broken
from schema.migrate import migrate
from sentinel.explained import CannotStart, explained
from sentinel.opening import open_store
from sentinel.settings import Settings
from tests.support.store import elsewhere, insert, unpacked, violation


def flipped_at(share: float) -> Callable[[Path], None]:
    """A byte, after that share of the file."""

    def damage(file: Path) -> None:
        text = bytearray(file.read_bytes())
        text[int((len(text) - 1) * share)] ^= 0xFF
        file.write_bytes(text)

    damage.__name__ = f"flipped at {share}"
    return damage


flipped = flipped_at(0.5)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def halved(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def zeroed(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def marks_elsewhere(bit: int) -> Callable[[Path], None]:
    """By a bit of the place in a small part's index: there are zeros, or nothing."""

    def damage(file: Path) -> None:
        text = bytearray(file.read_bytes())
        text[text.index(b"data.cmrk4") + len(b"data.cmrk4") + bit // 8] ^= 1 << bit % 8
        file.write_bytes(text)

    damage.__name__ = f"marks elsewhere, bit {bit}"
    return damage


def counted_none(file: Path) -> None:
    """By a bit of `count.txt`, which says 1."""
    text = bytearray(file.read_bytes())
    index = index_of(file) if file.name == "data.packed" else None
    text[index.places[b"count.txt"].begins if index else 0] ^= 1
    file.write_bytes(text)


WAYS: list[Callable[[Path], None]] = [flipped, emptied, halved, zeroed, Path.unlink, a_folder]
NAMES = ("data.bin", "primary.cidx", "checksums.txt", "columns.txt")
# Of a part that is one file all is in it: what was changed may be any of its files' bytes, their names, or its length.
PACKED = [
    *product(("data.packed",), WAYS),
    *product(("data.packed",), [flipped_at(share) for share in (0, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 0.97, 1)]),
    *product(("data.packed",), [counted_none, *map(marks_elsewhere, (0, 7, 13, 14, 20, 32, 48, 63))]),
]  # fmt: skip
CASES = [
    *PACKED,
    *product(NAMES, WAYS),
    *product(("count.txt", "partition.dat", "serialization.json", "metadata_version.txt"), (emptied, Path.unlink)),
    ("count.txt", counted_none),
]  # fmt: skip
WHOLE = 3  # parts that nothing happens to


def filled(folder: Path) -> list[str]:
    """A part for each case, with a report for it, which is number 0, 1, 2…"""
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        client.command("SYSTEM STOP MERGES violations")
        for number in range(len(CASES) + WHOLE):
            if number == len(PACKED):
                unpacked(client, "violations")
            insert(client, [violation(number)])
        definitions.keep(engine.path, folder / "definitions")
        query = "SELECT path FROM system.parts WHERE table = 'violations' AND active ORDER BY min_block_number"
        return [row[0] for row in client.query(query).result_rows]


def opened(data_dir: Path) -> tuple[dict[str, int], list[tuple[str, str, str]]]:
    """Reports by page, and what was put aside, as in `run`."""
    settings = Settings(data_dir=data_dir)
    with open_store(settings) as store:
        client = store.client()
        client.command("SYSTEM STOP MERGES violations")
        list(remove_broken(client, store.inserting, lambda: False))
        pages = client.query("SELECT document_url, sum(reports) FROM violations GROUP BY document_url").result_rows
        return dict(pages), [tuple(its[:3]) for its in parts.aside(client)]


class Damaged:
    """A store in which each case happened to a part of its own, and a file beside the parts was damaged too."""

    def __init__(self, data_dir: Path) -> None:
        self.folders = list(map(Path, elsewhere(filled, data_dir / "store")))
        for folder, (name, damage) in zip(self.folders, CASES, strict=False):
            damage(folder / name)
        [definition] = (data_dir / "store" / "chdb").glob("store/*/*/hours.sql")
        halved(definition)
        [link] = (data_dir / "store" / "chdb").glob("metadata/default")
        link.unlink()
        self.pages, self.aside = elsewhere(opened, data_dir)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Damaged:
    return Damaged(tmp_path_factory.mktemp("damaged"))


def page(number: int) -> str:
    return f"https://www.shop.example/page/{number}"


def test_what_is_whole_is_served_once(damaged):
    assert set(damaged.pages.values()) == {1}
    assert {page(len(CASES) + number) for number in range(WHOLE)} <= damaged.pages.keys()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{name}-{damage.__name__}" for name, damage in CASES])
def test_a_damaged_part_is_served_as_it_was_or_is_told_and_kept(damaged, number):
    """What ClickHouse can do without, as the number of rows, it writes anew."""
    block = re.search(r"_(\d+)_\d+_\d+", damaged.folders[number].name)[0]
    told = [its for its in damaged.aside if block in its[1]]
    assert (page(number) in damaged.pages) != bool(told)


def refused(data_dir: Path) -> str:
    with pytest.raises(CannotStart) as raised, explained(), open_store(Settings(data_dir=data_dir)):
        pass
    return str(raised.value)


def small(folder: Path) -> list[str]:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        return [row[0] for row in client.query("SELECT path FROM system.parts WHERE table = 'migrations'").result_rows]


def test_a_damaged_record_of_migrations_is_refused_rather_than_migrated_again(tmp_path):
    """What a file fills would be filled twice."""
    for part in map(Path, elsewhere(small, tmp_path / "store")):
        zeroed(part / "data.packed")
    assert "restore" in elsewhere(refused, tmp_path)
