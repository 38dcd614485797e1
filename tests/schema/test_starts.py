"""An empty store is made as it is by now, an older one step by step; what a kill leaves of either is gone over."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from schema.clickhouse import Engine, open_chdb
from schema.migrate import apply, migrate
from schema.migration_files import formed, migrations
from tests.support.store import elsewhere, insert, violation

LAST = migrations()[-1][0]
PER_ROLLUP = ("violations", "minutes", "hours", "days", "weeks", "sources")


def rows(client, sql: str):
    return client.query(sql).result_rows


def repeated_after_a_restart(folder: Path) -> list[int]:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        insert(client, [violation(1, reports=7, left_out=3.0)], token="a")
    with open_chdb(folder) as engine:
        client = engine.client()
        insert(client, [violation(1, reports=7, left_out=3.0)], token="a")
        return [rows(client, f"SELECT sum(reports + left_out) FROM {table}")[0][0] for table in PER_ROLLUP]


def test_what_is_repeated_after_the_first_restart_counts_once_in_every_roll_up(tmp_path: Path):
    assert elsewhere(repeated_after_a_restart, tmp_path / "s") == [10] * len(PER_ROLLUP)


def left_detached(folder: Path) -> tuple[set[tuple], int]:
    """As by `init` on a server, where it was killed while it loaded a view anew."""
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        before = set(rows(client, "SHOW TABLES"))
        client.command("DETACH TABLE minutes_of_violations")
        migrate(client, 90)
        insert(client, [violation(1, reports=7)])
        return before ^ set(rows(client, "SHOW TABLES")), rows(client, "SELECT sum(reports) FROM minutes")[0][0]


def test_a_view_that_a_kill_left_detached_is_attached_again(tmp_path: Path):
    assert elsewhere(left_detached, tmp_path / "s") == (set(), 7)


def die_in_a_start(folder: Path, level: int, after: int) -> None:
    """In that which brings a store of `level` to this version, after so many commands."""

    class Client:
        def __init__(self) -> None:
            self.left = after

        def __getattr__(self, name: str) -> Any:
            self.left -= name == "command"
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return getattr(client, name)

    with open_chdb(folder) as engine:
        client = engine.client()
        if level:
            apply(client, [its for its in formed(90) if its.number <= level])
        apply(Client(), formed(90))


@pytest.mark.parametrize(("level", "after"), [(0, 1), (0, 4), (0, 20), (9, 33), (9, 34), (9, 35), (9, 57), (14, 30)])
def test_a_kill_inside_a_start_is_gone_over(tmp_path: Path, level: int, after: int):
    with pytest.raises(BrokenProcessPool):
        elsewhere(die_in_a_start, tmp_path / "s", level, after)
    assert elsewhere(repeated_after_a_restart, tmp_path / "s") == [10] * len(PER_ROLLUP)


def test_an_empty_store_beside_somebody_elses_tables_is_made_at_once(store: Engine):
    client = store.client()
    client.command("CREATE DATABASE shared")
    client.database = "shared"
    client.command("CREATE TABLE notes (a String) ENGINE = MergeTree ORDER BY a")
    assert len(migrate(client, 90)) == LAST
    assert rows(client, "SELECT name FROM migrations WHERE number = 0") == [(str(LAST),)]
    client.command("DROP DATABASE shared")


def left_to_an_older_version(folder: Path) -> list[int]:
    """Which knows no tables that are made at once: it goes over them with its own steps, and records those."""
    with open_chdb(folder) as engine:
        client = engine.client()
        apply(client, formed(90))
        client.command("TRUNCATE TABLE migrations")
        client.insert("migrations", [[0, str(LAST)]], column_names=["number", "name"])
        for its in formed(90):
            if its.number == 10:
                client.command(next(made for made in its.statements if " MODIFY QUERY" in made))
        client.insert("migrations", [[n, "older"] for n in range(1, 13)], column_names=["number", "name"])
    return repeated_after_a_restart(folder)


def test_what_an_older_version_made_of_a_half_made_store_is_brought_to_this_one(tmp_path: Path):
    assert elsewhere(left_to_an_older_version, tmp_path / "s") == [10] * len(PER_ROLLUP)
