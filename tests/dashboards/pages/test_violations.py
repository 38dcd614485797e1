"""The list: its orders, filters, pages and downloads, all of them in its address."""

from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette

from dashboards.links import Links
from dashboards.periods import EVER
from tests.support.asgi import ask
from tests.support.history import history
from tests.support.page import Page, opened


def listed(shown: Page) -> list[str]:
    return [urlsplit(link).path.rpartition("/")[2] for link in shown.links() if link.startswith("/violations/")]


def pages(app: Starlette, target: str) -> list[list[str]]:
    """Of all pages of a list, by its links."""
    found = []
    while target:
        shown = opened(app, target)
        found.append(listed(shown) or [link for link in shown.links() if "document_template=" in link])
        target = next((its["href"] for tag, its in shown.tags if tag == "a" and its.get("rel") == "next"), "")
    return found


def test_the_newest_come_first_page_by_page(app: Starlette):
    newest = sorted({row.fingerprint: row.last_seen for row in history()}.items(), key=lambda pair: -pair[1])
    first, second = pages(app, "/violations")
    assert len(first) == 25
    assert first + second == [fingerprint.hex() for fingerprint, _ in newest]


def test_the_biggest_come_first_page_by_page(app: Starlette):
    first, second = pages(app, "/violations?sort=biggest")
    items = ask(app, "/api/violations?limit=100").json["items"]
    assert first + second == [item["fingerprint"] for item in items]


def test_groups_lead_to_their_members(app: Starlette):
    group = pages(app, f"/violations?sort=grouped&from={EVER}")[0][0]
    assert listed(opened(app, group))


def test_a_page_says_what_is_shown_and_leads_back_to_the_beginning(app: Starlette):
    shown = opened(app, "/violations?sort=biggest&site=shop")
    assert "1–25 violations" in shown.text
    [more] = [link for link in shown.links() if "cursor=" in link]
    rest = opened(app, more)
    assert "26–32 of 32 violations" in rest.text
    assert "/violations?sort=biggest&site=shop" in rest.links()


@pytest.mark.parametrize("cursor", ["", "x", "5.", "5.AAAA", "-1.kQ", "99999999999.kQ", "%3Cscript%3E"])
def test_a_made_up_cursor_is_refused(app: Starlette, cursor: str):
    for sort in ("newest", "biggest", "grouped"):
        assert "cursor" in opened(app, f"/violations?sort={sort}&cursor={cursor}", 400).text


def test_filters_stay_in_the_addresses(app: Starlette):
    shown = opened(app, "/violations?site=shop&q=page&noise=all&directive=img-src")
    narrower = [link for link in shown.links() if "blocked_host=" in link and "cursor" not in link]
    assert narrower
    for link in narrower:
        assert parse_qs(urlsplit(link).query).keys() == {"site", "q", "directive", "blocked_host"}
    assert shown.hidden() == {"directive": "img-src"}
    assert any(link.endswith("?site=shop&q=page&directive=img-src") for link in shown.links() if "/violations/" in link)


def test_a_filter_is_taken_out_by_its_chip(app: Starlette):
    links = opened(app, "/violations?site=shop&directive=img-src&sort=biggest").links()
    assert "/violations?site=shop&sort=biggest" in links
    assert "/violations?directive=img-src&sort=biggest" in links


def test_a_changed_filter_begins_at_the_beginning(app: Starlette):
    [more] = [link for link in opened(app, "/violations").links() if "cursor=" in link]
    for link in opened(app, f"{more}&live=1").links():
        if link.startswith(("/violations?", "/?", "/sources")) and "cursor=" in link:
            assert "live" in parse_qs(urlsplit(link).query) or "cursor" in urlsplit(link).query
            assert parse_qs(urlsplit(link).query).keys() <= {"cursor", "live"}


def test_what_a_form_sends_for_no_choice_is_no_filter(app: Starlette):
    chosen = Links("/violations", {"site": "", "q": " ", "noise": "all", "verdict": "all", "browser": "all"})
    assert chosen.given == {"browser": "all"}
    shown = opened(app, "/violations?q=&site=&noise=all&verdict=all&from=&to=")
    assert listed(shown) == listed(opened(app, "/violations"))
    assert "clear all" not in shown.text


def test_the_forms_times_are_utc(app: Starlette):
    local = opened(app, "/violations?from=2026-01-01T00:00&to=2126-01-01T00:00:30")
    assert "since" not in local.text.split("reports of")[1][:60]
    exact = opened(app, "/violations?from=2026-01-01T00:00:00Z&to=2126-01-01T00:00:30Z")
    assert listed(local) == listed(exact)
    assert "2026-01-01T00:00" in {its.get("value") for tag, its in local.tags if tag == "input"}


def test_a_download_has_what_is_shown(app: Starlette):
    shown = opened(app, "/violations?site=blog&sort=biggest")
    [csv] = [link for link in shown.links() if "format=csv" in link]
    [ndjson] = [link for link in shown.links() if "format=ndjson" in link]
    for link in (csv, ndjson):
        assert set(listed(shown)) == {
            word.strip('"') for line in ask(app, link).text.splitlines() for word in line.replace(":", ",").split(",")
            if len(word.strip('"')) == 32 and word.strip('"').startswith("0000000000000000")
        }  # fmt: skip


def test_filters_that_match_nothing_are_not_an_empty_store(app: Starlette):
    shown = opened(app, "/violations?site=nobody")
    assert "Nothing matches" in shown.text
    assert "No reports yet" not in shown.text
