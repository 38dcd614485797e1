"""Definitions of tables, kept twice: what is damaged is put back from a copy that is right, and from no other."""

import pytest

from schema.engine import definitions

TEXT = "ATTACH TABLE _ UUID '1' (`a` UInt8) ENGINE = MergeTree"


@pytest.fixture
def folders(tmp_path):
    """A store with one table, and the copies of its definitions."""
    path, copies = tmp_path / "store", tmp_path / "definitions"
    file = path / "store" / "abc" / "abcdef" / "violations.sql"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT)
    definitions.keep(path, copies)
    return path, copies, file


@pytest.mark.parametrize("damage", [b"", TEXT[:20].encode(), b"\0" * 40, b"\xff" + TEXT.encode()])
def test_a_damaged_one_is_put_back(folders, tmp_path, damage):
    path, copies, file = folders
    file.write_bytes(damage)
    [mended] = definitions.mend(path, copies, tmp_path / "broken")
    assert mended.broken.read_bytes() == damage
    assert file.read_text() == TEXT


@pytest.mark.parametrize("damage", [b"", TEXT[:20].encode(), b"\0" * 40, b"\xff" + TEXT.encode()])
def test_a_damaged_copy_does_no_harm(folders, tmp_path, damage):
    path, copies, file = folders
    (copies / file.relative_to(path)).write_bytes(damage)
    assert definitions.mend(path, copies, tmp_path / "broken") == []
    assert file.read_text() == TEXT


def test_what_clickhouse_altered_since_stays(folders, tmp_path):
    path, copies, file = folders
    file.write_text(TEXT + " ORDER BY a")
    assert definitions.mend(path, copies, tmp_path / "broken") == []
