"""Every captured report gets the label and the verdict that its page and its browser make right."""

import pytest

from tests.corpus import report


@pytest.fixture(scope="module")
def judged() -> list[report.Judged]:
    return list(report.judged())


def test_every_capture_gets_the_right_noise_label(judged):
    assert [one.capture.name for one in judged if not one.noise_is_right] == []


def test_every_capture_gets_a_right_verdict(judged):
    assert [one.capture.name for one in judged if not one.verdict_is_right] == []


def test_the_report_has_a_line_for_each_engine_and_rule_and_lists_what_is_left(judged, capsys):
    report.main()
    said = capsys.readouterr().out
    for one in judged:
        assert one.engine in said
        assert (one.row.noise_rule or "–") in said
    assert "Wrong: 0" in said
    assert "Without a label, and not plainly blocked by their policy:" in said
