"""Real browsers violate policies, the whole program receives them, and its API holds what the table says, no more."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import docs
from tests.e2e.browsers.engines import ENGINES, version
from tests.e2e.browsers.table import ANYWHERE, Violation, Visit, expected
from tests.e2e.browsers.tour import Tour, tour, visits

LABELS = {label: name for name in ENGINES for label in (visit.label for visit in visits(name))}
_FIELDS = set(Violation._fields) - {"original_policy"}


def here(name: str) -> bool:
    return all(shutil.which(program) for program in ENGINES[name][1])


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with tour(tmp_path_factory.mktemp("browsers"), [name for name in ENGINES if here(name)]) as its:
        yield its


@pytest.fixture(params=LABELS)
def label(request: pytest.FixtureRequest) -> str:
    if not here(LABELS[request.param]):
        pytest.skip(f"not installed: {', '.join(ENGINES[LABELS[request.param]][1])} (Debian's packages)")
    return str(request.param)


def items(toured: Tour, label: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = toured.program.get(f"/api/violations?site={label}&limit=1000")["items"]
    assert found
    return found


def test_every_violation_of_every_page_is_there_with_its_fields_and_no_other(toured: Tour, label: str):
    wanted: Counter[Violation] = Counter()
    for visit in of_label(label):
        wanted += expected(visit)
    found = told(toured, label, wanted)
    assert {"missing": lines(wanted - found), "more": lines(found - wanted)} == {"missing": [], "more": []}


def of_label(label: str) -> list[Visit]:
    return [visit for visit in visits(LABELS[label]) if visit.label == label]


def told(toured: Tour, label: str, wanted: Counter[Violation]) -> Counter[Violation]:
    """What the API has, policy by policy; a place that may be anywhere is put where the table has it."""
    found: Counter[Violation] = Counter()
    for item in items(toured, label):
        fields = {name: item[name] for name in _FIELDS}
        for policy in policies(toured, item):
            its = Violation(**fields, original_policy=policy["original_policy"])
            found[placed(its, wanted)] += policy["reports"]
    for its in wanted:
        # The same at two places is two violations to Chromium (rule 40): where the scanner that reads ahead of the
        # parser saw it, and where the parser did.
        if its.line_number == ANYWHERE and wanted[its] < found[its] <= 2 * wanted[its]:
            found[its] = wanted[its]
    return found


def policies(toured: Tour, item: dict[str, Any]) -> list[dict[str, Any]]:
    if item["reports"] == 1:
        return [item]
    found: list[dict[str, Any]] = toured.program.get(f"/api/violations/{item['fingerprint']}")["policies"]
    return found


def placed(its: Violation, wanted: Counter[Violation]) -> Violation:
    anywhere = its._replace(source_file="", line_number=ANYWHERE)
    return anywhere if its.source_file in {"", its.document_url} and anywhere in wanted and its not in wanted else its


def lines(counted: Counter[Violation]) -> list[str]:
    return sorted(f"{times} × {tuple(its)}" for its, times in counted.items())


def test_browser_and_version_are_those_of_the_program(toured: Tour, label: str):
    names = {"chromium": "HeadlessChrome", "firefox": "Firefox", "webkit": "Safari"}
    found = {(item["browser"], item["browser_version"].split(".")[0]) for item in items(toured, label)}
    name = LABELS[label]
    if name == "webkit":  # it says the version of the Safari that it stands for
        assert {browser for browser, _ in found} == {"Safari"}
    else:
        assert found == {(names[name], version(ENGINES[name][1][0]).split(".")[0])}


def test_no_policy_is_found_to_allow_what_a_browser_blocked(toured: Tour, label: str):
    assert {item["verdict"] for item in items(toured, label)} <= {"consistent", "undecidable"}


def test_nothing_is_noise(toured: Tour, label: str):
    assert {item["noise"] for item in items(toured, label)} == {""}


def test_what_arrived_is_stored_and_nothing_was_refused(toured: Tour):
    ledger = toured.program.get("/api/ledger")
    assert ledger["balanced"]
    assert (ledger["received"], ledger["rejected"], ledger["foreign"]) == (ledger["stored"], {}, 0)


def test_each_page_saw_its_violations(toured: Tour):
    """Where not, there is a picture of it."""
    assert toured.troubles == []


def test_the_page_of_the_docs_is_this_table():
    assert (Path(__file__).parents[3] / "docs" / "browsers.md").read_text() == docs.written(), (
        "python -m tests.e2e.browsers.docs writes it anew"
    )
