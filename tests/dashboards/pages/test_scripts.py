"""What the pages gain with scripts, and that nothing is lost without."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from schema.clickhouse import Engine
from tests.support.browser import DESKTOP, PHONE, Visit, browser, served
from tests.support.store import account, insert, violation

__all__ = ["browser"]  # a fixture


@pytest.fixture(scope="module")
def address(app) -> Iterator[str]:
    with served(app) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    with Visit(browser, address, **DESKTOP, permissions=["clipboard-read", "clipboard-write"]) as its:
        yield its
        assert its.said == []
        assert its.blocked() == []


def rows(page: Page):
    return page.locator("[data-row]")


def test_j_and_k_move_through_the_rows_and_enter_opens_one(visit: Visit):
    page = visit.open("/violations")
    links = page.locator("[data-row] [data-open]")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(links.nth(at)).to_be_focused()
    wanted = links.nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{wanted}")


def test_k_begins_at_the_end(visit: Visit):
    page = visit.open("/violations")
    page.keyboard.press("k")
    expect(page.locator("[data-row] [data-open]").last).to_be_focused()


def test_a_slash_goes_to_the_search_where_letters_are_letters(visit: Visit):
    page = visit.open("/violations")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("j?k/gs")
    expect(page.locator("[data-search]")).to_have_value("j?k/gs")


def test_a_slash_on_a_page_without_a_search_goes_to_that_of_the_violations(visit: Visit):
    page = visit.open("/?site=shop")
    page.keyboard.press("/")
    page.wait_for_url("**/violations?site=shop#search")
    expect(page.locator("[data-search]")).to_be_focused()


def test_g_and_a_letter_goes_to_a_page(visit: Visit):
    page = visit.open("/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/sources*")


def test_a_question_mark_shows_the_keys_and_escape_hides_them(visit: Visit):
    page = visit.open("/")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keys")
    expect(help_).to_be_visible()
    assert visit.barriers() == []
    page.keyboard.press("Escape")
    expect(help_).to_be_hidden()


def test_keys_can_be_turned_off_for_good(visit: Visit):
    page = visit.open("/violations")
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys work").uncheck()
    page.reload()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]')") is None
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_label("Keys work")).not_to_be_checked()


def test_x_chooses_a_source_and_a_box_all_of_them(visit: Visit):
    page = visit.open("/sources?state=all&noise=all")
    boxes = page.locator("input[name=source]")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(boxes.first).to_be_checked()
    page.get_by_label("Choose all").check()
    assert page.locator("input[name=source]:checked").count() == boxes.count() > 1


def test_text_is_copied_as_it_stands(visit: Visit):
    page = visit.open(f"/violations/{0:032x}")
    shown = page.get_by_role("region", name="the command")
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_text("Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown.inner_text()


def test_a_bar_says_what_it_is_beside_the_pointer(visit: Visit):
    page = visit.open("/")
    page.locator(".bar").first.hover()
    expect(page.locator(".tip")).to_contain_text("report")
    page.mouse.move(1, 1)
    expect(page.locator(".tip")).to_be_hidden()


def test_a_period_is_drawn_over_the_chart(visit: Visit):
    page = visit.open("/violations?site=shop&sort=biggest")
    before = reports(page)
    box = page.locator(".plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 110, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"site=shop&sort=biggest&from=\S+Z&to=\S+Z"))
    assert 0 < reports(page) < before


def reports(page: Page) -> int:
    return int(
        page.get_by_role("heading", name=re.compile(r"[\d,]+ reports? of")).inner_text().split()[0].replace(",", "")
    )


def test_new_reports_are_told_and_shown_by_a_click(visit: Visit, store: Engine):
    visit.page.clock.install()
    with visit.page.expect_response("**/api/totals*"):
        page = visit.open("/violations")
    insert(store.client(), [violation(900, at=time.time(), reports=12, blocked_url="https://new.example/first.js")])
    page.clock.run_for(10_000)
    told = page.get_by_role("button", name="12 new reports: show")
    expect(told).to_be_visible()
    assert page.get_by_role("status").get_attribute("aria-live") == "polite"
    told.click()
    expect(page.get_by_text("https://new.example/first.js")).to_be_visible()


def test_a_live_page_shows_them_by_itself_but_not_while_somebody_writes(visit: Visit, store: Engine):
    visit.page.clock.install()
    page = visit.open("/violations")
    with page.expect_response("**/api/totals*"):
        page.get_by_role("link", name="Go live").click()
    page.wait_for_url("**/violations?live=1")
    page.locator("[data-search]").focus()
    insert(store.client(), [violation(901, at=time.time(), blocked_url="https://new.example/second.js")])
    page.clock.run_for(10_000)
    expect(page.get_by_role("button", name="1 new report: show")).to_be_visible()
    expect(page.get_by_text("https://new.example/second.js")).to_have_count(0)
    page.locator("[data-search]").blur()
    page.clock.run_for(10_000)
    expect(page.get_by_text("https://new.example/second.js")).to_be_visible()
    page.get_by_role("link", name="Live: stop").click()
    page.wait_for_url("**/violations")


def test_on_the_page_of_rejects_what_is_refused_is_news_and_what_is_stored_is_none(visit: Visit, store: Engine):
    visit.page.clock.install()
    with visit.page.expect_response("**/api/totals*"):
        page = visit.open("/rejects")
    insert(store.client(), [violation(902, at=time.time(), reports=12)])
    with page.expect_response("**/api/totals*"):
        page.clock.run_for(10_000)
    expect(page.get_by_role("button", name="new")).to_have_count(0)
    minute = int(time.time()) // 60 * 60
    account(store.client(), [("shop", minute, "rejected", reason, 2) for reason in ("empty", "not-json")])
    page.clock.run_for(10_000)
    expect(page.get_by_role("button", name="4 new refused reports: show")).to_be_visible()


def test_without_scripts_filters_lists_and_pages_work(browser: Browser, address: str):
    with Visit(browser, address, **PHONE, java_script_enabled=False) as its:
        page = its.page
        page.goto(f"{address}/violations?sort=biggest")
        first = rows(page).first.text_content()
        page.get_by_role("link", name="Next").click()
        assert rows(page).first.text_content() != first
        page.get_by_role("link", name="From the beginning").click()
        assert rows(page).first.text_content() == first
        page.get_by_label("Words in URLs").fill("pixel ads")
        page.get_by_label("Site").select_option("shop")
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**sort=biggest**")
        assert "pixel.ads.example" in rows(page).first.text_content()
        page.get_by_role("link", name="take out").first.click()
        assert page.get_by_label("Words in URLs").input_value() == ""
        for control in ("Copy", "Keys: ?"):
            assert page.get_by_role("button", name=control).count() == 0
