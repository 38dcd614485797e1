"""The times of the console, from a small store: every question is answered, and summed up as the bench shows it."""

from pathlib import Path

from loadtest import console
from loadtest.bench.console import summed
from loadtest.console import Timed
from tests.support.store import elsewhere


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
