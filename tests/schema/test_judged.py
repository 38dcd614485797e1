"""Rows of before 0007, and of processors that don't know it, keep the trust and the reasons they came with."""

from pathlib import Path

from schema.clickhouse import open_chdb
from schema.keys import KEY, of_key
from schema.migrate import migrate
from schema.migration_files import migrations, statements
from tests.support.store import elsewhere, insert, merge, violation

NAMES = ("trust", "trust_reasons", "signature", "environment")
ASKED = f"SELECT {', '.join(map(of_key, NAMES))}, sum(reports) FROM violations GROUP BY {', '.join(KEY)} ORDER BY ALL"
FORGED = {"trust": 10, "trust_reasons": "not-a-browser", "signature": "missing"}


def of_before(folder: Path) -> list[list[tuple[object, ...]]]:
    with open_chdb(folder) as engine:
        client = engine.client()
        for number, _, text in migrations():
            for statement in statements(text) if number < 7 else []:
                client.command(statement.replace("{retention_days}", "90").replace("{companion_days}", "98"))
        insert(client, [violation(1, **FORGED), violation(2, reports=7), violation(3, **FORGED)])
        migrate(client, 90)
        insert(client, [violation(1, signature="valid", reports=7), violation(2, **FORGED)])
        before = client.query(ASKED).result_rows
        merge(client)
        return [before, client.query(ASKED).result_rows]


def test_rows_of_before_are_judged_beside_new_ones(tmp_path: Path):
    before, after = elsewhere(of_before, tmp_path / "s")
    assert before == after
    assert [tuple(row) for row in after] == [
        (10, "not-a-browser", "missing", "", 1),
        (100, "", "", "", 8),
        (100, "", "valid", "", 8),
    ]
