"""The first page: totals against the period before, new sources, and what became of every report."""

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.periods import EVER
from dashboards.times import window_at, written
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.history import history
from tests.support.page import BROWSER, opened
from tests.support.store import START, account, empty, insert, violation

DAY = 86400


def test_it_shows_totals_verdicts_noise_hosts_directives_and_the_newest_violations(app: Starlette):
    shown = opened(app, "/")
    for word in (f"{sum(row.reports for row in history()):,}", "40", "cdn.evil.example", "script-src-elem", "not-json",
                 "1.2 s", "the books balance", "extension", "not judged"):  # fmt: skip
        assert word in shown.text, word
    listed = [link for link in shown.links() if link.startswith("/violations/")]
    newest = sorted({row.fingerprint: row.last_seen for row in history()}.items(), key=lambda pair: -pair[1])
    assert listed == [f"/violations/{fingerprint.hex()}" for fingerprint, _ in newest[:8]]


def test_new_sources_lead_to_their_violations_and_to_a_decision(app: Starlette):
    links = opened(app, "/").links()
    decided = [link for link in links if link.startswith("/sources?") and "blocked_" in link]
    assert len(decided) == 8
    assert "1–1 of 1 sources" in opened(app, decided[0]).text
    own = [link for link in links if link.startswith("/violations?") and "directive=" in link and "blocked_" in link]
    assert all(ask(app, f"/api/totals?{urlsplit(link).query}").json["reports"] for link in own)


def test_nothing_before_is_said_and_not_divided_by(app: Starlette):
    assert "before: none" in opened(app, "/").text
    assert "before:" not in opened(app, f"/?from={EVER}").text


def test_the_chart_is_by_directive_says_its_unit_and_has_a_table_behind_it(app: Starlette):
    shown = opened(app, f"/?from={EVER}")
    assert "Reports per 5 minutes; at most" in shown.text
    assert "a minute" in shown.text
    assert "The figures" in shown.text
    heads = shown.text.split("The figures")[1].split("From (UTC)")[1][:60]
    assert all(name in heads for name in ("img-src", "script-src-elem", "style-src-attr"))


def test_more_directives_than_can_be_drawn_leave_the_page_and_its_figures(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
):
    """Clients can make them up, and must not be able to close the page."""
    monkeypatch.setattr("dashboards.series.MOST_ITEMS", 2)
    shown = opened(app, "/")
    assert "too many directives to draw" in shown.text
    assert f"{sum(row.reports for row in history()):,}" in shown.text


def test_a_bar_of_the_chart_leads_to_its_time(app: Starlette):
    zooms = [link for link in opened(app, "/?site=shop").links() if "from=" in link and "to=" in link]
    assert zooms
    assert all(ask(app, f"/api/totals?{urlsplit(link).query}").json["reports"] for link in zooms[:3])


def test_addresses_of_when_the_list_was_here_lead_to_it(app: Starlette):
    moved = ask(app, "/?sort=grouped&site=shop", headers=BROWSER)
    assert (moved.status, moved.headers["location"]) == (302, "/violations?sort=grouped&site=shop")
    assert "cdn.evil.example" in opened(app, "/?site=shop&blocked_host=cdn.evil.example").text


def test_a_form_without_choices_asks_for_everything(app: Starlette):
    shown = opened(app, "/?site=&noise=all&q=")
    assert f"Reports {sum(row.reports for row in history()):,}" in shown.text
    assert "clear all" not in shown.text


def test_links_to_the_same_rows_elsewhere_say_the_period(app: Starlette):
    links = [link for link in opened(app, "/violations").links() if link.startswith(("/api/violations", "/api/export"))]
    assert len(links) == 4
    assert all("from" in parse_qs(urlsplit(link).query) for link in links)


def test_the_books_that_do_not_balance_say_so(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1)])
    account(client, [("shop", START, "received", "", 3)])
    assert "the books do not balance" in opened(build(store, lambda: None, None), "/").text


def test_how_far_the_store_is_behind_may_be_unknown(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1)])
    assert "Behind – unknown" in opened(build(store, lambda: None, None), "/").text


@pytest.fixture
def two_weeks(store: Engine) -> Iterator[Starlette]:
    """Of now and of the same day a week ago."""
    client = store.client()
    empty(client)
    now = window_at(time.time())
    week_ago = now - 7 * DAY
    insert(client, [
        violation(1, at=week_ago - 1200, reports=12, verdict="consistent"),
        violation(2, at=week_ago - 3 * 3600, reports=8, effective_directive="img-src", verdict="undecidable"),
        violation(4, at=now - 2 * DAY, reports=1000),
        violation(3, at=now - 1200, reports=30, noise="extension", noise_rule="scheme", verdict="consistent"),
    ])  # fmt: skip
    yield build(store, lambda: 0.0, None)
    empty(client)


LAST_DAY = written(window_at(time.time()) + 600 - DAY)


def test_a_period_stands_against_the_same_time_of_last_week(two_weeks: Starlette):
    shown = opened(two_weeks, f"/?from={LAST_DAY}").text
    assert "against the same time a week before." in shown
    assert "Reports 30 +50% before: 20" in shown
    assert "Violations 1 -50% before: 2" in shown
    assert "Noise 100% before: 0%" in shown
    assert "against the same time 2 weeks before." in opened(two_weeks, "/").text


def test_each_directive_verdict_and_noise_stands_against_the_same_time(two_weeks: Starlette):
    shown = opened(two_weeks, f"/?from={LAST_DAY}").text
    assert "script-src-elem 30 +150% before: 12 1" in shown
    assert "consistent 30 100% +150% before: 12" in shown
    assert "undecidable 0 0% -100% before: 8" in shown
    assert "extension 30 100% before: none" in shown
    assert "the site’s own 0 0% -100% before: 20" in shown
    assert "before:" not in opened(two_weeks, f"/?from={EVER}").text


@pytest.mark.parametrize("chosen, said", [
    ("", "0.5 last hour +150%"), ("?q=shop", "0.5 last hour +150%"), ("?noise=none", "0 last hour -100%"),
    ("?verdict=consistent", "0.5 last hour +150%"),
])  # fmt: skip
def test_reports_a_minute_are_of_the_last_hour_and_the_same_a_week_ago(two_weeks: Starlette, chosen: str, said: str):
    assert f"Reports a minute {said} a week ago: 0.2" in opened(two_weeks, f"/{chosen}").text


def test_reports_a_minute_of_a_past_period_are_its_own(two_weeks: Starlette):
    begin = window_at(time.time()) - DAY
    shown = opened(two_weeks, f"/?{urlencode({'from': written(begin), 'to': written(begin + DAY)})}").text
    assert "Reports a minute 0.021 +50% before: 0.014" in shown


def test_without_a_period_it_is_of_this_week_and_the_last_and_says_so(store: Engine):
    client = store.client()
    empty(client)
    monday = (START - 4 * DAY) // (7 * DAY) * 7 * DAY + 4 * DAY
    insert(client, [violation(1, at=monday - 30 * DAY, reports=7)])
    app = build(store, lambda: 0.0, token=None)
    shown = opened(app, "/")
    assert "No reports since" in shown.text
    assert f"/?{urlencode({'from': EVER})}" in shown.links()
    assert "Reports 7 stored at any time" in opened(app, f"/?from={EVER}").text
    insert(client, [violation(2, reports=31)])
    assert "Reports 31" in opened(app, "/").text


@pytest.fixture
def first_seen(store: Engine) -> Iterator[Starlette]:
    """Sources of two days: one of the first, three of the second, one of them noise."""
    client = store.client()
    empty(client)
    insert(client, [
        violation(1, at=START - DAY, blocked_host="old.example"),
        violation(2, blocked_host="new.example"),
        violation(3, blocked_host="", blocked_kind="inline", effective_directive="style-src-attr"),
        violation(4, blocked_host="ext.example", noise="extension", noise_rule="scheme"),
    ])  # fmt: skip
    yield build(store, lambda: 0.0, None)
    empty(client)


FIRST_DAY = {"from": written(START - DAY), "to": written(START - DAY + 600)}


@pytest.mark.parametrize("chosen, blocked", [
    (FIRST_DAY, ["old.example"]), ({"directive": "style-src-attr"}, ["inline"]),
    ({"blocked_host": "new.example"}, ["new.example"]), ({"blocked_kind": "inline"}, ["inline"]),
    ({"noise": "only"}, ["ext.example"]),
])  # fmt: skip
def test_new_sources_are_those_of_the_filters_and_the_period(
    first_seen: Starlette, chosen: dict[str, str], blocked: list[str]
):
    shown = opened(first_seen, f"/?{urlencode(chosen)}")
    assert f"New sources {len(blocked)} " in shown.text
    asked = [dict(parse_qsl(urlsplit(link).query)) for link in shown.links() if link.startswith("/sources?")]
    found = [its.get("blocked_host") or its["blocked_kind"] for its in asked if its.get("state") == "all"]
    assert found == blocked
    every = next(link for link in shown.links() if link.startswith("/sources?") and "since" in link)
    assert f"1–{len(blocked)} of {len(blocked)} sources" in opened(first_seen, every).text


@pytest.mark.parametrize("name, value", [("browser", "Chrome"), ("q", "cdn"), ("document_host", "www.shop.example")])
def test_filters_that_sources_do_not_know_leave_the_new_ones_out_and_say_so(
    first_seen: Starlette, name: str, value: str
):
    shown = opened(first_seen, f"/?{name}={value}")
    assert "New sources – not counted with these filters" in shown.text
    assert "nobody can tell what is new" in shown.text
    assert not [link for link in shown.links() if link.startswith("/sources?since")]
