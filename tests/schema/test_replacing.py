"""Parts that turn out to be broken while the store is open: what they were merged of takes their place."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schema.clickhouse import Engine, open_chdb
from schema.engine import parts, replacing
from schema.engine.replacing import StillRead, open_again, remove_broken
from schema.inserts import InProcess
from schema.migrate import migrate
from schema.mutations import drop_old_parts
from tests.support.store import START, insert, unpacked, violation
from tests.support.waiting import wait_for

WEEK = 7 * 86400
TABLES = ("violations", "weeks", "minutes", "hours", "days", "sources")
# As a full disk left them: seen in parts of a store on a full tmpfs, ClickHouse 26.9. A small part is one file.
SMALL = ("data.packed",)
EMPTIED = (
    SMALL,
    ("checksums.txt", "columns.txt", "count.txt", "data.cmrk4", "primary.cidx"),
    ("checksums.txt", "default_compression_codec.txt"),
    ("data.bin", "data.cmrk4"),
)


@pytest.fixture
def engine(tmp_path) -> Iterator[Engine]:
    with open_chdb(tmp_path / "store") as engine:
        client = engine.client()
        migrate(client, 90)
        for number in range(4):
            insert(client, [violation(number)])
        yield engine


def sums(engine: Engine) -> dict[str, int]:
    client = engine.client()
    return {table: client.query(f"SELECT sum(reports) FROM {table}").result_rows[0][0] for table in TABLES}


def merged(engine: Engine, table: str) -> Path:
    """Into one part, whose folder it gives."""
    client = engine.client()
    client.command(f"OPTIMIZE TABLE {table} FINAL")
    [row] = client.query(
        "SELECT path FROM system.parts WHERE active AND database = currentDatabase() AND table = {table:String}",
        parameters={"table": table},
    ).result_rows
    return Path(row[0])


def flipped(folder: Path) -> None:
    [file] = [*folder.glob("data.bin"), *folder.glob("data.packed")]
    text = bytearray(file.read_bytes())
    text[len(text) * 9 // 10] ^= 0xFF  # of the columns
    file.write_bytes(text)


def emptied(folder: Path, names: tuple[str, ...] = SMALL) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def removed(engine: Engine, since: int = 0) -> list[tuple[Any, ...]]:
    return [part[:2] + part[3:] for part in remove_broken(engine.client(), engine.inserting, lambda: False, since)]


@pytest.mark.parametrize("names", EMPTIED)
def test_what_a_broken_part_was_merged_of_takes_its_place(engine, names):
    before = sums(engine)
    if names != SMALL:
        unpacked(engine.client(), *TABLES)
    folders = {table: merged(engine, table) for table in TABLES}
    for folder in folders.values():
        assert (folder / names[0]).is_file()
        emptied(folder, names)
    assert sorted(removed(engine)) == sorted((table, folder.name, True) for table, folder in folders.items())
    assert sums(engine) == before
    assert not parts.aside(engine.client())
    assert not removed(engine)


@pytest.mark.parametrize("small", [True, False])
def test_so_it_is_with_one_that_can_be_opened_and_not_read(engine, small):
    before = sums(engine)
    if not small:
        unpacked(engine.client(), "violations")
    folder = merged(engine, "violations")
    flipped(folder)
    assert removed(engine) == [("violations", folder.name, True)]
    assert sums(engine) == before


def test_two_of_one_table_are_replaced_together(engine):
    insert(engine.client(), [violation(number, at=START - WEEK) for number in range(2)])
    insert(engine.client(), [violation(7, at=START - WEEK)])
    before = sums(engine)
    engine.client().command("OPTIMIZE TABLE violations FINAL")
    asked = "SELECT path FROM system.parts WHERE active AND table = 'violations'"
    for (path,) in engine.client().query(asked).result_rows:
        emptied(Path(path))
    assert [replaced for _, _, replaced in removed(engine)] == [True, True]
    assert sums(engine) == before
    assert not parts.aside(engine.client())


def test_what_nothing_is_left_of_is_put_aside(engine):
    folder = merged(engine, "violations")
    drop_old_parts(engine.client(), ["violations"])
    emptied(folder)
    assert removed(engine) == [("violations", folder.name, False)]
    assert [part.name for part in parts.aside(engine.client())] == [folder.name]


def test_while_somebody_reads_the_store_nothing_waits_for_it(engine, monkeypatch):
    """An export may be read for hours."""
    monkeypatch.setattr(replacing, "_PATIENCE_SECONDS", 0.5)
    emptied(merged(engine, "minutes"))
    with engine.client().query_row_block_stream("SELECT number, repeat('x', 1000) FROM numbers(1000000)") as rows:
        next(iter(rows))
        with pytest.raises(StillRead):
            removed(engine)
        assert not engine.inserting.locked()
    assert [replaced for _, _, replaced in removed(engine)] == [True]


def test_a_table_that_could_not_be_opened_again_is_opened_at_the_next_look(engine):
    engine.client().command("DETACH TABLE minutes")
    open_again(engine.client())
    assert sums(engine)["minutes"] == 4


def test_a_broken_insert_beside_a_broken_merge_is_repeated(engine):
    """To open the table would put it aside, and keep its token."""
    client = engine.client()
    emptied(merged(engine, "minutes"))
    client.command("SYSTEM STOP MERGES minutes")
    insert(client, [violation(9)], token="again")
    emptied(the_insert_of(engine, "minutes"))
    assert sorted(replaced for _, _, replaced in removed(engine)) == [False, True]
    insert(client, [violation(9)], token="again")
    assert set(sums(engine).values()) == {5}


def test_what_comes_after_it_goes_through_the_views_and_a_repeat_counts_once(engine):
    for table in TABLES:
        emptied(merged(engine, table))
    assert len(removed(engine)) == len(TABLES)
    for _ in range(2):
        insert(engine.client(), [violation(9)], token="again")
    assert set(sums(engine).values()) == {5}


def test_what_was_deleted_is_deleted_again(engine):
    """A mutation's part is one that was made of another, too."""
    merged(engine, "violations")
    client = engine.client()
    gone = "ALTER TABLE violations DELETE WHERE document_url LIKE '%/2'"
    client.command(gone, settings={"mutations_sync": 2})
    [folder] = client.query("SELECT path FROM system.parts WHERE active AND table = 'violations'").result_rows[0]
    emptied(Path(folder))
    [(_, _, replaced)] = removed(engine)
    assert replaced
    wait_for("it is deleted again", lambda: sums(engine)["violations"] == 3)


def test_parts_that_are_older_are_not_read_where_only_new_ones_are_asked_for(engine):
    emptied(merged(engine, "violations"))
    assert not removed(engine, since=int(time.time()) + 60)
    assert removed(engine, since=int(time.time()) - 60)


def the_insert_of(engine: Engine, table: str) -> Path:
    [row] = (
        engine.client()
        .query(
            "SELECT path FROM system.parts WHERE active AND database = currentDatabase() AND table = {table:String} "
            "ORDER BY max_block_number DESC LIMIT 1",
            parameters={"table": table},
        )
        .result_rows
    )
    return Path(row[0])


def test_an_insert_beside_little_room_is_read_and_told_to_have_failed_where_it_is_broken(engine, monkeypatch):
    """Then it is tried again, under the same token."""
    client = engine.client()
    client.command("SYSTEM STOP MERGES policies")
    inserts = InProcess(client)
    put = client.insert

    def put_on_a_full_disk(table: str, *given: Any, **how: Any) -> None:
        put(table, *given, **how)
        emptied(the_insert_of(engine, table))

    def insert_policy() -> None:
        names = ["policy_hash", "original_policy", "last_seen"]
        settings = {"insert_deduplication_token": "it"}
        asyncio.run(inserts.insert("policies", [["h"], ["p"], [0]], column_names=names, column_oriented=True,
                                   settings=settings))  # fmt: skip

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1 << 20))
    monkeypatch.setattr(client, "insert", put_on_a_full_disk)
    with pytest.raises(OSError, match="disk was full"):
        insert_policy()
    monkeypatch.setattr(client, "insert", put)
    insert_policy()
    assert not parts.aside(client)
    assert client.query("SELECT original_policy FROM policies WHERE policy_hash = 'h'").result_rows == [("p",)]
