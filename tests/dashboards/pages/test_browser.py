"""Every page in a real browser, over what strangers wrote: nothing runs, nothing is blocked, everybody can read it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support import hostile
from tests.support.browser import DARK, DESKTOP, PHONE, Visit, browser, served
from tests.support.store import empty

__all__ = ["browser"]  # a fixture
LONG = f"/violations/{2:032x}"
PAGES = [
    "/", f"/?site={hostile.LABEL}", "/violations", "/violations?sort=grouped", "/violations?site=nobody",
    f"/violations/{1:032x}", LONG, f"/violations/{3:032x}", f"/violations/{4:032x}",
    "/policies/00000000000000dd", "/sources", "/sources?state=all&noise=all", "/sources?state=ignored", "/policies",
    *(f"/policies/{its}" for its in hostile.POLICIES),
    f"/policies/diff?a={hostile.POLICIES[0]}&b={hostile.POLICIES[1]}", "/alerts", "/sites", "/rejects", "/system",
]  # fmt: skip


@pytest.fixture(scope="module")
def address(store: Engine) -> Iterator[str]:
    client = store.client()
    empty(client)
    hostile.fill(client)
    with served(build(store, lambda: 1.25, token=None)) as found:
        yield found
    empty(client)


@pytest.fixture(scope="module", params=[DESKTOP, DARK, PHONE], ids=["desktop", "dark", "phone"])
def visit(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    with Visit(browser, address, **request.param) as its:
        yield its


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_hostile_reports_is_text_that_everybody_can_read(visit: Visit, path: str):
    page = visit.open(path)
    page.evaluate("for (const its of document.querySelectorAll('details')) its.open = true")
    assert visit.blocked() == []
    assert visit.said == []  # no error, and no alert of theirs
    assert visit.too_wide() <= 0
    if path != LONG:  # fifteen times 64 KiB take axe 18 s
        assert visit.barriers() == []


def test_what_is_not_there_is_a_page_too(visit: Visit):
    page = visit.open("/nothing")
    assert page.get_by_role("heading", name="Not Found").is_visible()
    assert visit.barriers() == []
    assert visit.too_wide() <= 0
    visit.said.clear()  # the browser's own line about the 404
