"""docs/privacy.md against the tables: whoever adds a column says there what it is, and for how long it stays."""

import re
from pathlib import Path

import pytest

from schema.migration_files import migrations

PAGE = (Path(__file__).parents[1] / "docs" / "privacy.md").read_text()
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL))
RETENTION, COMPANIONS = 90, 98  # days in the tests' store
# How the page says it.
DAYS = {RETENTION: "*R* days", COMPANIONS: "*R* + 8 days", None: "for good"}


def described(table: str) -> set[str]:
    """The fields that the page names."""
    text = SECTIONS[table]
    rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    if same := re.search(r"All fields of `(\w+)` but ([^:]*?), and:", text):
        named |= described(same[1]) - set(re.findall(r"`(\w+)`", same[2]))
    return named


@pytest.fixture(scope="module")
def tables(store) -> dict[str, tuple[set[str], int | None]]:
    """Each table's columns, and after how many days a row of it goes; None: it stays."""
    client = store.client()
    columns: dict[str, set[str]] = {}
    for table, column in client.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN"
        " (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'MaterializedView')"
    ).result_rows:
        columns.setdefault(table, set()).add(column)
    made = dict(
        client.query(
            "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
        ).result_rows
    )
    client.close()
    ends = {table: re.search(r" TTL .*?toIntervalDay\((\d+)\)", made[table]) for table in columns}
    return {table: (columns[table], int(end[1]) if end else None) for table, end in ends.items()}


def test_every_table_and_no_other_is_described(tables):
    assert migrations()
    assert set(SECTIONS) == set(tables)


def test_every_field_of_every_table_is_described_and_no_other(tables):
    differing = {table: described(table) ^ columns for table, (columns, _) in tables.items()}
    assert {table: names for table, names in differing.items() if names} == {}


def test_how_long_a_table_keeps_its_rows_is_what_it_does(tables):
    said = {
        table: re.search(r"Kept: (.*?)(?: after it was last seen)?[,.](?:\s|$)", text)[1]
        for table, text in SECTIONS.items()
    }
    assert said == {table: DAYS.get(days, f"{days} days") for table, (_, days) in tables.items()}


def test_the_cookies_are_those_that_the_console_sets():
    code = (Path(__file__).parents[1] / "dashboards" / "access" / "cookies.py").read_text()
    names = set(re.findall(r'^[A-Z]+ = "([\w-]+)"', code, re.MULTILINE))
    assert len(names) == 3
    [row] = [line for line in PAGE.splitlines() if line.startswith("| browsers of the console's users")]
    assert names == set(re.findall(r"`(csp-sentinel[\w-]*)`", row))
