import pytest

from sentinel import layout
from sentinel.cli import main
from sentinel.explained import CannotStart

NEWER = '{"layout":2,"program":"9.1.0","unfinished":""}'


def test_a_data_dir_of_a_newer_version_is_refused_by_every_command_and_left_as_it_is(tmp_path, capsys):
    (tmp_path / "layout.json").write_text(NEWER)
    for name in ("run", "ingest", "process", "console", "init", "export"):
        with pytest.raises(SystemExit) as ended:
            main([name, "--data-dir", str(tmp_path)])
        assert ended.value.code == 1
        said = capsys.readouterr().err
        assert "was made by a newer csp-sentinel (9.1.0)" in said, name
        assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["layout.json"]


@pytest.mark.parametrize("text", [None, "", "garbage", "[]"])
def test_a_data_dir_of_before_or_with_a_damaged_mark_is_marked_anew(tmp_path, text):
    if text is not None:
        (tmp_path / "layout.json").write_text(text)
    layout.check(tmp_path)
    layout.write(tmp_path)
    assert f'"layout":{layout.LAYOUT}' in (tmp_path / "layout.json").read_text()


def test_an_unfinished_restore_is_said(tmp_path):
    layout.write(tmp_path, unfinished="restore")
    with pytest.raises(CannotStart, match=r"a restore into .* was cut short: do it again"):
        layout.check(tmp_path)
