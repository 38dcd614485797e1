"""What the console is told by the settings."""

from pathlib import Path

import pytest

from schema.sites import load_sites
from sentinel.console import secret
from sentinel.settings import Settings, read


def test_the_key_of_sessions_outlives_the_process_and_is_its_owners_alone(tmp_path: Path):
    made = secret(Settings(data_dir=tmp_path))
    assert len(made) == 32
    assert secret(Settings(data_dir=tmp_path)) == made
    [kept] = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_one_that_is_set_is_used_and_not_kept(tmp_path: Path):
    assert secret(Settings(data_dir=tmp_path, console_secret="s" * 32)) == b"s" * 32
    assert not list(tmp_path.iterdir())


def test_a_console_over_a_server_keeps_nothing(tmp_path: Path):
    settings = read({"SENTINEL_STORE": "clickhouse://db/csp", "SENTINEL_DATA_DIR": str(tmp_path)}, None, {}).settings
    assert secret(settings) == b""
    assert not list(tmp_path.iterdir())


def test_a_key_cut_short_by_a_crash_is_made_anew(tmp_path: Path):
    (tmp_path / "console.part").write_bytes(b"half")
    assert len(secret(Settings(data_dir=tmp_path))) == 32


def test_where_none_can_be_kept_sessions_end_with_the_process(tmp_path: Path, caplog):
    (tmp_path / "console.part").mkdir()
    assert secret(Settings(data_dir=tmp_path)) == b""
    assert "end with this process" in caplog.text


@pytest.mark.parametrize("text, gone", [("[sites.shop]", False), ("[sites.shop]\n[sites.console]\ngone = true", True)])
def test_the_consoles_own_site_is_taken_without_being_named_and_a_named_one_wins(tmp_path: Path, text: str, gone: bool):
    path = tmp_path / "sites.toml"
    path.write_text(text)
    sites = load_sites(path)
    assert sites.known("console")
    assert not sites.known("other")
    assert sites.get("console").gone is gone
