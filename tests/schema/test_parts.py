"""Parts that turn out to be broken while the store is open: what they were merged of takes their place."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schema import parts
from schema.clickhouse import Engine, open_chdb
from schema.migrate import migrate
from tests.support.store import insert, violation
from tests.support.waiting import wait_for

TABLES = ("violations", "weeks", "minutes", "hours", "sources")
# As a full disk left them: seen in parts of a store on a full tmpfs, ClickHouse 26.9.
EMPTIED = (
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


def emptied(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def removed(engine: Engine, since: int = 0) -> list[tuple[Any, ...]]:
    return [
        part[:2] + part[3:] for part in parts.remove_broken(engine.client(), engine.inserting, lambda: False, since)
    ]


@pytest.mark.parametrize("names", EMPTIED)
@pytest.mark.parametrize("table", TABLES)
def test_what_a_broken_part_was_merged_of_takes_its_place(engine, table, names):
    before = sums(engine)
    folder = merged(engine, table)
    emptied(folder, names)
    assert removed(engine) == [(table, folder.name, True)]
    assert sums(engine) == before
    assert not parts.aside(engine.client())
    assert not removed(engine)


def test_what_comes_after_it_goes_through_the_views_and_a_repeat_counts_once(engine):
    for table in TABLES:
        emptied(merged(engine, table), EMPTIED[0])
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
    emptied(Path(folder), EMPTIED[0])
    [(_, _, replaced)] = removed(engine)
    assert replaced
    wait_for("it is deleted again", lambda: sums(engine)["violations"] == 3)


def test_parts_that_are_older_are_not_read_where_only_new_ones_are_asked_for(engine):
    emptied(merged(engine, "violations"), EMPTIED[0])
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


@pytest.mark.parametrize("table", TABLES)
def test_a_repeat_makes_again_what_a_full_disk_broke_of_an_insert(engine, table):
    client = engine.client()
    client.command(f"SYSTEM STOP MERGES {table}")
    insert(client, [violation(9)], token="broken")
    emptied(the_insert_of(engine, table), EMPTIED[0])
    assert parts.drop_broken_inserts(client, int(time.time()) - 60)
    insert(client, [violation(9)], token="broken")
    assert set(sums(engine).values()) == {5}
    assert not parts.drop_broken_inserts(client, int(time.time()) - 60)
    assert not parts.aside(client)
