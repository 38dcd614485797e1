"""Real browsers violate policies, the whole program receives them, and its API holds what the table says, no more."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsers import docs
from tests.e2e.browsers.engines import ENGINES, version
from tests.e2e.browsers.table import ANYWHERE, Violation, Visit, expected
from tests.e2e.browsers.tour import PICTURES, Tour, tour, visits
from tests.support.browser import DESKTOP, browser
from tests.support.browser import Visit as ConsoleVisit
from tests.support.waiting import wait_for

__all__ = ["browser"]  # a fixture

LABELS = {label: name for name in ENGINES for label in (visit.label for visit in visits(name))}


def here(name: str) -> bool:
    return all(shutil.which(program) for program in ENGINES[name][1])


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    browsers = [name for name in ENGINES if here(name)]
    if not browsers:
        pytest.skip("neither Chromium nor Firefox nor WebKitGTK is installed (Debian's packages)")
    with tour(tmp_path_factory.mktemp("browsers"), browsers) as its:
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
        wanted.update(expected(visit))
    found = told(toured, label, wanted)
    assert {"missing": lines(wanted - found), "more": lines(found - wanted)} == {"missing": [], "more": []}


def of_label(label: str) -> list[Visit]:
    return [visit for visit in visits(LABELS[label]) if visit.label == label]


def told(toured: Tour, label: str, wanted: Counter[Violation]) -> Counter[Violation]:
    """What the API has, policy by policy; a place that may be anywhere is put where the table has it."""
    found: Counter[Violation] = Counter()
    for line in toured.program.read(f"/api/export?site={label}&format=ndjson").splitlines():
        row = json.loads(line)
        found[placed(Violation(*(row[name] for name in Violation._fields)), wanted)] += row["reports"]
    assert found.total() == sum(item["reports"] for item in items(toured, label))
    for its in wanted:
        if wanted[its] == 0:
            del found[its]
        # The same at two places is two violations to Chromium (rule 40): where the scanner that reads ahead of the
        # parser saw it, and where the parser did.
        if its.line_number == ANYWHERE and wanted[its] < found[its] <= 2 * wanted[its]:
            found[its] = wanted[its]
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


# The console over what the browsers reported; all of its pages and keys are tested in tests/dashboards/pages.


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser, toured: Tour) -> Iterator[ConsoleVisit]:
    """A tab of the console, in which nothing may go wrong unheard; where a test fails, it leaves a picture."""
    failed = request.session.testsfailed
    expect.set_options(timeout=60_000)  # ms; the other default is too short for a busy machine
    with ConsoleVisit(browser, f"http://127.0.0.1:{toured.program.console_port}", **DESKTOP) as its:
        yield its
        if request.session.testsfailed > failed or its.said or its.blocked():
            PICTURES.mkdir(parents=True, exist_ok=True)
            file = PICTURES / f"{request.node.name}.png"
            its.page.screenshot(path=file, full_page=True)
            print(f"the page as it was: {file}")
        expect.set_options(timeout=5_000)
        assert (its.said, its.blocked()) == ([], [])


def test_every_page_of_the_console_opens_without_an_error(visit: ConsoleVisit):
    for path in ("/", "/violations", "/sources", "/policies", "/alerts", "/sites", "/rejects", "/system"):
        expect(visit.open(path).get_by_role("heading").first).to_be_visible()


def test_the_list_is_filtered_by_words(visit: ConsoleVisit):
    page = visit.open("/violations?site=chromium-report-to")
    page.get_by_label("Words in URLs").fill("beacon")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**q=beacon**")
    expect(page.locator("[data-row]")).to_have_count(2)  # one enforced, one report-only
    expect(page.locator("[data-row]").first).to_contain_text("https://cdn.example/beacon")


def test_a_row_leads_to_all_that_is_known_of_the_violation(visit: ConsoleVisit):
    page = visit.open("/violations?site=chromium-report-to&q=beacon")
    page.locator("[data-row] [data-open]").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("connect-src")
    expect(page.locator("main")).to_contain_text("connect-src 'self'")
    expect(page.locator("main")).to_contain_text("HeadlessChrome")


def test_a_source_is_accepted_with_a_note(visit: ConsoleVisit, toured: Tour):
    page = visit.open("/sources?site=chromium-report-to&directive=connect-src&blocked_host=cdn.example")
    page.get_by_label("Choose cdn.example").check()
    page.get_by_label("A note for those chosen").fill("our own")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_label("Choose cdn.example")).to_have_count(0)
    [known] = toured.program.get("/api/sources?site=chromium-report-to&state=known")["items"]
    assert (known["directive"], known["blocked"], known["note"]) == ("connect-src", "cdn.example", "our own")


def test_a_live_page_shows_a_report_that_comes_in(visit: ConsoleVisit, toured: Tour):
    visit.page.clock.install()
    with visit.page.expect_response("**/api/totals*"):  # what it counts from
        page = visit.open("/violations?live=1&site=live")
    report = {"document-uri": "https://shop.example/", "effective-directive": "img-src"}
    body = json.dumps({"csp-report": report | {"blocked-uri": "https://late.example/x.png"}}).encode()
    assert toured.program.post(body, "/csp/report/live") == 204
    wait_for("the report is stored", lambda: toured.program.get("/api/totals?site=live")["reports"], 60)
    page.clock.run_for(10_000)
    expect(page.locator("[data-row]")).to_contain_text("https://late.example/x.png")


def test_the_list_is_used_by_keys_alone(visit: ConsoleVisit):
    page = visit.open("/violations?site=chromium-report-to")
    links = page.locator("[data-row] [data-open]")
    for key, at in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(links.nth(at)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
