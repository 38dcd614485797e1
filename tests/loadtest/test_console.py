"""The times of the console, from a small store: every question is answered, and summed up as the bench shows it."""

import re
from pathlib import Path

from loadtest import console
from loadtest.bench import pages
from loadtest.bench.console import summed
from loadtest.console import Timed
from tests.support.store import elsewhere

README = (Path(__file__).parents[2] / "README.md").read_text()


def measured(folder: Path) -> list[Timed]:
    return console.measure(folder, 10_000, 1, quiet=True)


def test_every_question_over_a_small_store_has_an_answer(tmp_path: Path):
    found = elsewhere(measured, tmp_path)
    assert {one.path for one in found} >= {*console.PAGES, "/api/groups", "/violations/{fingerprint}"}
    assert not [one.name for one in found if one.refused]
    assert all(len(one.rounds) == 1 and one.p95 == one.p50 > 0 for one in found)


def test_the_slowest_page_is_one_as_it_is_opened_and_the_slowest_question_any():
    found = [
        Timed("/", "as opened", [100.0] * 5, []),
        Timed("/", "one site", [90.0, 90.0, 90.0, 90.0, 290.0], []),
        Timed("/", "everything", [2000.0] * 5, []),
        Timed("/api/totals", "as opened", [7.0] * 5, []),
        Timed("/api/totals", "last week", [9.0], [503]),
    ]
    figures = {figure.key: figure for figure in summed(found)}
    assert (figures["console.page"].value, figures["console.page"].note) == (found[1].p95, "/, one site")
    assert (figures["console.api"].value, figures["console.api"].note) == (9, "/api/totals, last week (answered 503)")
    assert figures["console.path.overview"].detail["everything"] == 2000
    assert figures["console.path.api-totals"].value == 8.5  # between 7, 7, 7, 7, 7 and 9


def test_a_row_a_page_in_which_bold_is_what_is_as_quick_as_asked():
    found = [
        Timed("/", "as opened", [301.0] * 5, []),
        Timed("/", "one site", [299.6] * 5, []),
        Timed("/", "a word", [85.6] * 5, []),
        Timed("/", "everything", [900.0] * 5, []),
        Timed("/sites", "as opened", [300.0] * 5, []),
        Timed("/api/totals", "as opened", [7.0] * 5, []),
    ]
    none = pages.NOT_ASKED
    assert list(pages.rows(summed(found))) == [
        f"| the first page | 301 | **300** | {none} | {none} | **86** | 300: not met |",
        f"| `/sites` | **300** | {none} | {none} | {none} | {none} | 300 |",
    ]


def test_the_readme_has_a_row_of_each_page():
    shown = README.partition("| the console over 10 million rows")[2].partition("\n\n")[0].splitlines()[2:]
    paths = [*console.PAGES, "/violations/{fingerprint}"]
    assert [line.split(" | ")[0] for line in shown] == [f"| {pages.called(path)}" for path in paths]
    for line in shown:
        *cells, asked = line.strip("| ").split(" | ")[1:]
        slow = [float(cell) for cell in cells if re.fullmatch(r"\d+", cell)]
        quick = [float(cell.strip("*")) for cell in cells if cell.startswith("**")]
        assert len(slow) + len(quick) + cells.count(pages.NOT_ASKED) == len(pages.COLUMNS)
        assert all(time >= 300 for time in slow), line
        assert all(time <= 300 for time in quick), line
        assert asked == ("300: not met" if slow else "300")
