"""`make bench-check`: what counts as a loss, and what is said of figures that can't be compared."""

import pytest

from loadtest.bench import machine, recorded
from loadtest.bench.check import judge, main
from loadtest.bench.figures import Figure, ratio, skipped
from loadtest.bench.itself import over_itself, unpacked
from loadtest.bench.machine import commit
from loadtest.bench.options import Options
from loadtest.bench.recorded import Record, Value, compare
from loadtest.bench.requests import Load, legacy


def value(number, better="more"):
    return Value("fast over nginx", "x", better, number)


@pytest.mark.parametrize("better, worse, almost", [("more", 0.89, 0.91), ("less", 1.11, 1.09)])
def test_a_loss_of_eleven_per_cent_fails_and_one_of_nine_does_not(better, worse, almost):
    (lost,) = compare({"a": value(1.0, better)}, {"a": value(worse, better)})
    assert (lost.said, lost.bad) == ("lost", True)
    assert lost.lost == pytest.approx(0.11)
    (same,) = compare({"a": value(1.0, better)}, {"a": value(almost, better)})
    assert (same.said, same.bad) == ("same", False)


@pytest.mark.parametrize("better, found", [("more", 1.5), ("less", 0.5)])
def test_a_gain_is_said_and_is_no_loss(better, found):
    (line,) = compare({"a": value(1.0, better)}, {"a": value(found, better)})
    assert (line.said, line.bad) == ("better", False)


def test_a_figure_that_could_not_be_measured_is_named_and_fails_nothing():
    found = recorded.values([skipped("a", "fast over nginx", "nginx is not here")])
    (line,) = compare({"a": value(1.0)}, found)
    assert (line.name, line.found, line.said, line.bad) == ("fast over nginx", "-", "missing", False)


def test_a_figure_that_was_never_recorded_is_shown():
    (line,) = compare({}, {"a": value(1.0)})
    assert (line.said, line.bad) == ("new", False)


FOLD = Value("fold", "thousand", "less", 40.0)


def record(**figures):
    return Record("2026-11-26T00:00:00+00:00", "abc", {"processor": "A", "python": "3.11.7"}, {"wrk": "4.1.0"}, figures)


def test_a_record_survives_its_file(tmp_path):
    made = record(a=value(0.5), b=value(43.577, "less"))
    recorded.save(made, tmp_path / "recorded.json")
    assert recorded.load(tmp_path / "recorded.json") == made
    assert recorded.load(tmp_path / "none.json") is None


def test_the_command_fails_for_a_loss_and_says_of_what(capsys):
    figures = [
        Figure("a", "fast over nginx", "x", [0.4, 0.5, 0.3], "more"),
        Figure("instructions.fold", "fold", "thousand", [40.0], "less"),
    ]
    kept = record(**{"a": value(0.5), "instructions.fold": FOLD})
    assert judge(kept, figures, {}) == 1
    assert "lost more than 10%: fast over nginx\n" in capsys.readouterr().err
    kept.figures["a"].value = 0.42
    assert judge(kept, figures, {}) == 0
    assert capsys.readouterr().err == ""


def test_without_valgrind_the_command_does_not_say_that_all_is_well(capsys):
    """CPU time of a machine says nothing of that on another."""
    kept = record(**{"a": value(0.5), "instructions.fold": FOLD})
    figures = [Figure("a", "fast over nginx", "x", [0.5], "more"), Figure("cpu.fold", "fold", "µs", [99.0], "less")]
    assert judge(kept, figures, {}) == 2
    assert "install Valgrind" in capsys.readouterr().err


def test_a_ratio_is_taken_within_the_round():
    """A noisy neighbour in the second round slows both; the quotient of the medians would be 0.75."""
    found = ratio("a", "fast over nginx", [40.0, 20.0, 30.0], [80.0, 40.0, 40.0])
    assert found.rounds == [0.5, 0.5, 0.75]
    assert found.value == 0.5


FAST_OVER_NGINX = Value("fast over nginx", "x", "more", 0.7)


@pytest.mark.parametrize("over_itself, code", [([0.97], 0), ([0.85], 1), ([], 0)])
def test_where_the_ratio_to_nginx_moved_the_recorded_code_in_turn_with_todays_decides(over_itself, code, capsys):
    """Without that code the instructions do, and it is said why it is not there."""
    kept = record(**{"check.fast-over-nginx": FAST_OVER_NGINX, "instructions.fold": FOLD})
    measured = [
        Figure("check.fast-over-nginx", "fast over nginx", "x", [0.5], "more"),
        Figure("instructions.fold", "fold", "thousand", [40.0], "less"),
    ]
    note = "" if over_itself else "skipped: so"
    decides = Figure("check.fast-over-itself", "fast over itself", "x", over_itself, "more", note)
    assert judge(kept, measured, {"check.fast-over-nginx": decides}) == code
    told = capsys.readouterr()
    assert "moved" in told.out
    assert ("lost more than 10%: fast over itself\n" in told.err) == (code == 1)
    assert ("not decided" in told.err) == ("skipped: so" in told.out) == (not over_itself)


def test_the_recorded_code_is_taken_from_git(tmp_path):
    if head := commit().rstrip("+"):  # else the tests run in a copy that is no checkout
        assert unpacked(head, tmp_path / "recorded")
        assert (tmp_path / "recorded" / "ingest" / "edge.py").exists()


def test_a_commit_that_a_shallow_clone_lacks_is_said(tmp_path):
    found = over_itself(Options(tmp_path), "fast", "0" * 40, Load("legacy", "900 B reports", legacy()))
    assert found.value is None
    assert "git fetch --unshallow" in found.note


def test_nothing_is_recorded_outside_of_a_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="1"):
        main(["--record"])
    assert "there is no git checkout here" in capsys.readouterr().err
