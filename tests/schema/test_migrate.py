"""The tables come to this version whatever happened before, and say the same as the Python beside them."""

import os
import re
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from schema.by_now import by_now
from schema.clickhouse import Engine, open_chdb
from schema.migrate import NewerStore, _repeatable, apply, migrate
from schema.migration_files import Migration, formed, migrations, statements
from schema.violation import Violation
from tests.support.store import COLUMNS, START, TABLES, account, elsewhere, empty, insert, violation

FILES = [
    "0001_violations.sql", "0002_ledger.sql", "0003_starts.sql", "0004_many_machines.sql", "0005_judged.sql",
    "0006_noise_moves.sql", "0007_trust_of_the_best.sql", "0008_labelled.sql", "0009_rollups.sql",
    "0010_what_people_see.sql", "0011_alerts.sql", "0012_estimates.sql",
    "0013_estimates_over_time.sql", "0014_weeks_that_are_over.sql", "0015_days.sql",
    "0016_blocks.sql",
    "0017_words.sql",
    "0018_one_index_of_words.sql",
    "0019_settings_of_parts.sql",
    "0020_merged_sooner.sql",
    "0021_numbers_of_sources.sql",
]  # fmt: skip


def columns(client, table: str) -> dict[str, str]:
    return dict(
        client.query("SELECT name, type FROM system.columns WHERE table = {t:String}", {"t": table}).result_rows
    )


def rows(client, sql: str):
    return client.query(sql).result_rows


def test_files_are_numbered_from_one_without_gaps():
    assert [number for number, _, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_statements_are_split_at_line_ends_and_comments_left_out():
    text = "-- a;\nCREATE TABLE t (a String DEFAULT ';')\nENGINE = Memory;\n\n-- b\nSELECT 1;\n"
    assert statements(text) == ["CREATE TABLE t (a String DEFAULT ';')\nENGINE = Memory", "SELECT 1"]


def test_every_statement_may_be_run_again():
    for _, name, text in migrations():
        for statement in statements(text):
            sets = re.match(
                r"ALTER TABLE \w+\s+(?:MODIFY (?:SETTING|COLUMN|QUERY)|MATERIALIZE INDEX)\s|TRUNCATE |INSERT INTO ",
                statement,
            )
            assert sets or re.search(r"\bIF (NOT )?EXISTS\b", _repeatable(statement)), f"{name}: {statement[:60]}"


def test_a_second_run_applies_nothing(store: Engine):
    client = store.client()
    before = rows(client, "SELECT name, create_table_query FROM system.tables WHERE database = 'default' ORDER BY name")
    assert migrate(client, 90) == []
    after = rows(client, "SELECT name, create_table_query FROM system.tables WHERE database = 'default' ORDER BY name")
    assert before == after


def test_the_columns_of_violations_are_the_fields_of_a_violation(store: Engine):
    """The policy's text is kept once, in `policies`; all else stands in the row, beside what is the store's own."""
    its = set(columns(store.client(), "violations")) - {"judged", "labelled"}
    assert its | {"original_policy"} == set(Violation.__struct_fields__)
    assert {"policy_hash", "original_policy"} <= set(columns(store.client(), "policies"))


def test_every_table_ages_but_what_people_decided_and_wrote_and_the_one_row_of_alerts(store: Engine):
    made = dict(
        rows(store.client(), "SELECT name, create_table_query FROM system.tables WHERE engine LIKE '%MergeTree'")
    )
    assert {name for name, query in made.items() if " TTL " not in query} == {
        "migrations", "source_states", "sites_files", "alert_owners",
    }  # fmt: skip
    assert "toIntervalDay(14)" in made["rejects"]


def test_a_newer_store_is_refused(store: Engine):
    client = store.client()
    client.insert("migrations", [[9999, "9999_later.sql"]], column_names=["number", "name"])
    try:
        with pytest.raises(NewerStore, match="9999"):
            migrate(client, 90)
    finally:
        client.command("DELETE FROM migrations WHERE number = 9999")
    assert migrate(client, 90) == []


def test_a_changed_retention_is_followed_and_the_rest_kept(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1, at=START - 60 * 86400, reports=5), violation(1, reports=2)])
    try:
        migrate(client, 30)
        made = rows(client, "SELECT create_table_query FROM system.tables WHERE name = 'violations'")[0][0]
        assert "toIntervalDay(30)" in made
        assert _soon(lambda: rows(client, "SELECT sum(reports) FROM violations") == [(2,)])
        assert _soon(lambda: rows(client, "SELECT sum(reports) FROM minutes") == [(2,)])
    finally:
        migrate(client, 90)
    assert _soon(lambda: not rows(client, "SELECT 1 FROM system.mutations WHERE NOT is_done"))


def test_every_table_that_batches_go_into_remembers_ten_thousand_inserts(store: Engine):
    """Many processors insert; a repeat comes when a consumer group has given a partition to another."""
    made = dict(rows(store.client(), "SELECT name, create_table_query FROM system.tables WHERE database = 'default'"))
    for table in TABLES:
        assert "non_replicated_deduplication_window = 10000" in made[table], table


ADDED = set(re.findall(r"ADD COLUMN IF NOT EXISTS (\w+)", "".join(text for _, _, text in migrations())))


def before_the_window_grew(folder: Path) -> None:
    with open_chdb(folder) as engine:
        client = engine.client()
        for number, _, text in migrations():
            for statement in statements(text) if number < 4 else []:
                client.command(statement.replace("{retention_days}", "90").replace("{companion_days}", "98"))
        [row] = [violation(1, reports=7)]
        before = [name for name in COLUMNS if name not in ADDED]
        client.insert(
            "violations",
            [[getattr(row, name) for name in before]],
            column_names=before,
            settings={
                "insert_deduplication_token": "a",
                "deduplicate_blocks_in_dependent_materialized_views": 1,
            },
        )


def grown(folder: Path) -> list[int]:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        insert(client, [violation(1, reports=7)], token="a")
        insert(client, [violation(1, reports=5)], token="b")
    with open_chdb(folder) as engine:
        client = engine.client()
        insert(client, [violation(1, reports=5)], token="b")
        return [
            rows(client, f"SELECT sum(reports) FROM {table}")[0][0] for table in ("violations", "minutes", "sources")
        ]


def test_a_store_remembers_its_inserts_when_its_memory_grows(tmp_path: Path):
    elsewhere(before_the_window_grew, tmp_path / "s")
    assert elsewhere(grown, tmp_path / "s") == [12, 12, 12]


def filled_before(folder: Path) -> None:
    """Rows of this week and of a month ago, before there were roll-ups; killed while these are filled."""
    with open_chdb(folder) as engine:
        client = engine.client()
        its = [(number, statement) for number, _, text in migrations() for statement in statements(text)]
        for number, statement in its:
            if number < 9:
                client.command(statement.replace("{retention_days}", "90").replace("{companion_days}", "98"))
        insert(client, [violation(1, reports=7)], token="a")
        insert(client, [violation(1, at=START - 30 * 86400, reports=4)], token="c")
        account(client, [("shop", START - 30 * 86400, "received", "", 4)])
        for number, statement in its:
            if number == 9:
                client.command(statement.replace("{retention_days}", "90").replace("{companion_days}", "98"))
                if statement.startswith("INSERT INTO hours"):
                    os.kill(os.getpid(), signal.SIGKILL)


def filled(folder: Path) -> list[list[tuple]]:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        # What a kill had left half stored before the upgrade comes again: its week is not taken from the roll-ups.
        insert(client, [violation(1, reports=7)], token="a")
        insert(client, [violation(1, at=START - 30 * 86400, reports=2)], token="b")
        old = "toMonday({0}) NOT IN (SELECT week FROM rollup_gaps)"
        return [
            rows(client, "SELECT sum(reports) FROM violations"),
            rows(client, f"SELECT sum(reports) FROM hours WHERE {old.format('hour')}"),
            rows(client, f"SELECT sum(reports), any(document_url) FROM weeks WHERE {old.format('week')}"),
            rows(client, f"SELECT sum(reports) FROM ledger_hours WHERE {old.format('hour')}"),
        ]


def test_a_store_of_before_gets_its_roll_ups_however_often_that_is_begun(tmp_path: Path):
    with pytest.raises(BrokenProcessPool):
        elsewhere(filled_before, tmp_path / "s")
    old = 4 + 2
    assert elsewhere(filled, tmp_path / "s") == [
        [(7 + old,)],
        [(old,)],
        [(old, "https://www.shop.example/page/1")],
        [(4,)],
    ]


def test_statements_by_now_make_the_same_as_all_of_them_one_after_another():
    made = by_now(
        [
            "CREATE TABLE t\n(\n    a String,\n    b UInt8 CODEC(ZSTD),\n    INDEX i a TYPE set(9)\n)\nENGINE = Null",
            "CREATE TABLE u\n(\n    a String\n)\nENGINE = MergeTree\nORDER BY a\nSETTINGS x_window = 1, y = 2",
            "CREATE MATERIALIZED VIEW v TO u AS\nSELECT a FROM t",
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS c Array(String) CODEC(ZSTD)",
            "ALTER TABLE t MODIFY COLUMN b Int64 CODEC(T64, ZSTD)",
            "ALTER TABLE u ADD COLUMN IF NOT EXISTS b UInt8",
            "ALTER TABLE u MODIFY SETTING x_window = 10, z = 'some'",
            "ALTER TABLE u MODIFY SETTING z = ''",
            "ALTER TABLE t DROP INDEX IF EXISTS i",
            "ALTER TABLE t ADD INDEX IF NOT EXISTS j concat(a, ' ') TYPE text(tokenizer = 'x')",
            "ALTER TABLE t MATERIALIZE INDEX j",
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS d UInt8",
            "ALTER TABLE u ADD INDEX IF NOT EXISTS k b TYPE set(9)",
            "ALTER TABLE u DROP INDEX IF EXISTS k",
            "ALTER TABLE u\n    MODIFY COLUMN a String CODEC(ZSTD),\n    MODIFY COLUMN b UInt16",
        ]
    )
    assert made == [
        "CREATE TABLE t\n(\n    a String,\n    b Int64 CODEC(T64, ZSTD),\n    c Array(String) CODEC(ZSTD),\n"
        "    d UInt8,\n    INDEX j concat(a, ' ') TYPE text(tokenizer = 'x')\n)\nENGINE = Null",
        "CREATE TABLE u\n(\n    a String CODEC(ZSTD),\n    b UInt16\n)\nENGINE = MergeTree\nORDER BY a\n"
        "SETTINGS x_window = 10, y = 2, z = ''",
        "CREATE MATERIALIZED VIEW v TO u AS\nSELECT a FROM t",
    ]
    with pytest.raises(ValueError, match="DROP TABLE t"):
        by_now(["DROP TABLE t"])


def _soon(true) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


def die_inside(folder: Path, after: int) -> None:
    """The first `after` statements, then the end."""
    with open_chdb(folder) as engine:
        client = engine.client()
        for _, _, text in migrations():
            for statement in statements(text):
                if not after:
                    os.kill(os.getpid(), signal.SIGKILL)
                client.command(statement.replace("{retention_days}", "90").replace("{companion_days}", "98"))
                after -= 1


def go_on(folder: Path) -> tuple[list[str], list[str], int]:
    with open_chdb(folder) as engine:
        client = engine.client()
        applied, again = migrate(client, 90), migrate(client, 90)
        insert(client, [violation(1, reports=7)])
        return applied, again, rows(client, "SELECT sum(reports) FROM minutes")[0][0]


@pytest.mark.parametrize("after", [0, 3, 9, 15])
def test_a_kill_inside_a_migration_is_gone_over(tmp_path: Path, after: int):
    with pytest.raises(BrokenProcessPool):
        elsewhere(die_inside, tmp_path / "s", after)
    assert elsewhere(go_on, tmp_path / "s") == (FILES, [], 7)


def test_a_store_of_before_comes_to_the_very_tables_of_a_new_one(tmp_path: Path):
    """With codecs and settings: a replica that joins is refused where one differs."""
    whole = formed(90)
    [seventeen] = [number for number, its in enumerate(whole) if its.number == 17]
    then = [*whole[:seventeen], _first_form_of(whole[seventeen])]
    ways = {"new": [], "old": [whole[:2]], "late": [whole[:-1]], "new at 17": [then], "through 17": [whole[:2], then]}
    made = {way: elsewhere(definitions, tmp_path / way, stops) for way, stops in ways.items()}
    assert {way for way, found in made.items() if found != made["new"]} == set()


def _first_form_of(seventeen: Migration) -> Migration:
    """Which said nothing of packing, and kept or left out what was said before."""
    texts = [text.replace("(String)) CODEC(ZSTD)", "(String))") for text in seventeen.statements]
    texts = [re.sub(r"DEFAULT (\w+) CODEC\(ZSTD\)", r"DEFAULT \1", text) for text in texts]
    assert texts != seventeen.statements
    return seventeen._replace(statements=texts)


def definitions(folder: Path, stops: list[list[Migration]]) -> dict[str, tuple[str, list[str]]]:
    """Of each table, what it is and its settings, after the migrations of each stop, and then all, were applied."""
    with open_chdb(folder) as engine:
        client = engine.client()
        for its in stops:
            apply(client, its)
        migrate(client, 90)
        made = (
            "SELECT name, create_table_query FROM system.tables WHERE engine LIKE '%MergeTree' AND database = 'default'"
        )
        found = {name: text.partition(" SETTINGS ") for name, text in rows(client, made)}
        return {name: (its, sorted(settings.split(", "))) for name, (its, _, settings) in found.items()}
