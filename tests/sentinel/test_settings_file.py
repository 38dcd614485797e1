"""Settings files: `.env`-style and TOML, and what is told of one that can't be used."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.settings import WrongSetting, read


def wrong(file: Path) -> str:
    with pytest.raises(WrongSetting) as raised:
        read({}, file, {})
    return str(raised.value)


def written(tmp_path: Path, text: str | bytes, name: str = "settings.env") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_env_files_know_comments_quotes_and_export(tmp_path: Path) -> None:
    text = (
        "\ufeff# ours\r\n\r\nexport SENTINEL_PORT=9000 # the port\r\nSENTINEL_DATA_DIR = '/a # b'\r\n"
        'SENTINEL_CONSOLE_TOKEN="a\\"b#c" # d\nCOMPOSE_PROJECT_NAME=other\nSENTINEL_PORT=9001\nport=1\n'
    )
    settings = read({}, written(tmp_path, text), {}).settings
    assert (settings.port, settings.data_dir, settings.console_token) == (9001, Path("/a # b"), 'a"b#c')


def test_toml_files_take_both_spellings_and_toml_s_types(tmp_path: Path) -> None:
    text = 'port = 9000\nSENTINEL_HOST = "::"\nwebhooks = ["http://a.example", "http://b.example"]\n'
    settings = read({}, written(tmp_path, text, "Settings.TOML"), {}).settings
    assert (settings.port, settings.host, len(settings.webhooks)) == (9000, "::", 2)


def test_both_spellings_of_one_setting_are_one_too_many(tmp_path: Path) -> None:
    assert "keep one" in wrong(written(tmp_path, "port = 1\nSENTINEL_PORT = 2", "s.toml"))


@pytest.mark.parametrize("value", ["true", "nan", "8080.0", "2026-11-01", "{a = 1}", "[1, 2]", "[[]]"])
def test_toml_values_of_other_types_are_told(tmp_path: Path, value: str) -> None:
    assert "port" in wrong(written(tmp_path, f"port = {value}", "s.toml"))


@pytest.mark.parametrize(
    "text, says",
    [
        ("just words", "line 1 should be NAME=value"),
        ("\nSENTINEL_CONSOLE_TOKEN='hunter2", "line 2 has a quote"),
        ('SENTINEL_CONSOLE_TOKEN="a"hunter2', "line 1 has a quote"),
        (b"\xff\xfe", "isn't text in UTF-8"),
        (b"SENTINEL_PORT=\x00", "NUL"),
        (b"#" * (1 << 20) + b"\n", "larger than 1 MiB"),
    ],
)
def test_what_is_no_env_file_is_told_without_quoting_it(tmp_path: Path, text: str | bytes, says: str) -> None:
    sentence = wrong(written(tmp_path, text))
    assert says in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    "text", ["port = hunter2", 'a = "hunter2', "port = " + "9" * 5000, "port = " + "[" * 50000, "[table]\na=1"]
)
def test_what_is_no_toml_is_told_without_quoting_it(tmp_path: Path, text: str) -> None:
    sentence = wrong(written(tmp_path, text, "s.toml"))
    assert "s.toml" in sentence
    assert "hunter2" not in sentence


def test_a_missing_file_a_folder_and_a_nul_are_told(tmp_path: Path) -> None:
    assert "No such file" in wrong(tmp_path / "none")
    assert "Is a directory" in wrong(tmp_path)
    assert "can't be read" in wrong(Path("a\0b"))


def sentence_or_nothing(file: Path) -> str:
    try:
        read({}, file, {})
    except WrongSetting as error:
        return str(error)
    return ""


@given(text=st.text(string.printable + "\0é"))
def test_any_file_gives_settings_or_one_sentence(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files", numbered=True)
    for name in ("a.env", "a.toml"):
        assert sentence_or_nothing(written(folder, text, name)).isprintable()
