"""What a command that asks once makes of a store in which something is damaged."""

from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.engine import definitions
from schema.migrate import migrate
from tests.support.stages import command
from tests.support.store import elsewhere, insert, unpacked, violation

COMMANDS = [("export",), ("noise", "test"), ("forget", "--site", "shop", "--dry-run"), ("init",)]


def filled(data_dir: Path) -> list[str]:
    """The folder of the part in which the record of migrations was merged."""
    with open_chdb(data_dir / "store") as engine:
        client = engine.client()
        migrate(client, 90)
        insert(client, [violation()])
        unpacked(client, "migrations")
        client.command("OPTIMIZE TABLE migrations FINAL")
        definitions.keep(engine.path, data_dir / "store" / "definitions")
        query = "SELECT path FROM system.parts WHERE table = 'migrations' AND active"
        return [folder for (folder,) in client.query(query).result_rows]


def starts(data_dir: Path) -> int:
    with open_chdb(data_dir / "store") as engine:
        return engine.client().query("SELECT count() FROM starts").result_rows[0][0]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_tables_definition_that_is_put_back_is_told(tmp_path, words):
    elsewhere(filled, tmp_path)
    [definition] = (tmp_path / "store" / "chdb").glob("store/*/*/hours.sql")
    definition.write_bytes(b"\0" * 100)
    done = command(*words, data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the store's file hours.sql was damaged (kept as broken/" in done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_damaged_part_gives_way_to_what_it_was_merged_of(tmp_path, words):
    [part] = elsewhere(filled, tmp_path)
    file = Path(part) / "data.bin"
    text = bytearray(file.read_bytes())
    text[20] ^= 0xFF  # of the first column, the numbers
    file.write_bytes(text)
    done = command(*words, data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "what it was merged of took its place" in done.stderr


def test_a_command_is_no_start(tmp_path):
    for words in COMMANDS:
        elsewhere(filled, tmp_path)
        assert command(*words, data_dir=tmp_path).returncode == 0
    assert elsewhere(starts, tmp_path) == 0
