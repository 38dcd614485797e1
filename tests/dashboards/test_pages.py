"""The console's pages: what they show, what they link to, and that nothing from outside is more than text."""

import html
import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.links import Links
from dashboards.periods import EVER
from dashboards.rows import FIELDS
from schema.clickhouse import Engine
from tests.support.asgi import LOCAL, ask
from tests.support.history import history
from tests.support.page import Page
from tests.support.store import START, account, empty, insert, put, violation

ROOT = Path(__file__).parents[2]
BROWSER = (*LOCAL, ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"))


def page(app: Starlette, target: str, status: int = 200) -> Page:
    found = ask(app, target, headers=BROWSER)
    assert found.status == status, found
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    return Page(found.text)


def test_the_overview_shows_totals_hosts_directives_and_the_newest_violations(app: Starlette):
    shown = page(app, "/")
    for word in (f"{sum(row.reports for row in history()):,}", "40", "cdn.evil.example", "script-src-elem", "not-json",
                 "1.2 s", "the books balance"):  # fmt: skip
        assert word in shown.text
    listed = [link for link in shown.links() if link.startswith("/violations/")]
    newest = sorted({row.fingerprint: row.last_seen for row in history()}.items(), key=lambda pair: -pair[1])
    assert listed == [f"/violations/{fingerprint.hex()}" for fingerprint, _ in newest[:20]]


def test_what_a_form_sends_for_no_choice_is_no_filter():
    assert Links({"site": "", "q": " ", "noise": "all", "verdict": "all", "browser": "all"}).given == {"browser": "all"}


def test_the_overview_can_list_the_biggest_first(app: Starlette):
    listed = [link for link in page(app, "/?sort=biggest").links() if link.startswith("/violations/")]
    assert listed == [
        f"/violations/{item['fingerprint']}" for item in ask(app, "/api/violations?limit=20").json["items"]
    ]


def test_links_of_every_page_lead_somewhere(app: Starlette):
    """Three of each kind of address: a path with certain parameters."""
    done: Counter[str] = Counter()
    for start in ("/", "/?site=shop&noise=none&blocked_host=&q=page", f"/violations/{0:032x}", "/?site=nobody"):
        for link in page(app, start).links():
            parts = urlsplit(link)
            kind = re.sub("[0-9a-f]{32}", "", parts.path) + str(sorted(parse_qs(parts.query, keep_blank_values=True)))
            done[kind] += 1
            if done[kind] <= 3 and not link.startswith("#"):
                assert ask(app, link, headers=BROWSER).status == 200, link
    assert len(done) > 20


def test_filters_stay_in_the_addresses(app: Starlette):
    shown = page(app, "/?site=shop&q=page&noise=all&directive=img-src")
    for link in shown.links():
        if "blocked_host=" in link:
            given = parse_qs(urlsplit(link).query, keep_blank_values=True)
            assert given.keys() == {"site", "q", "directive", "blocked_host"}
    hidden = {a["name"]: a["value"] for tag, a in shown.tags if tag == "input" and a.get("type") == "hidden"}
    assert hidden == {"directive": "img-src"}
    assert "/violations/" in " ".join(
        link for link in shown.links() if link.endswith("?site=shop&q=page&directive=img-src")
    )


def test_a_form_without_choices_asks_for_everything(app: Starlette):
    assert page(app, "/?site=&noise=all&q=").text == page(app, "/").text


def test_a_bar_of_the_chart_leads_to_its_time(app: Starlette):
    zooms = [link for link in page(app, "/?site=shop").links() if "from=" in link and "to=" in link]
    assert zooms
    reports = [ask(app, f"/api/totals?{urlsplit(link).query}").json["reports"] for link in zooms[:3]]
    assert all(reports)


def test_the_chart_says_its_unit_and_has_a_table_behind_it(app: Starlette):
    shown = page(app, f"/?from={EVER}")
    assert "Reports per 5 minutes" in shown.text
    assert "The figures" in shown.text
    assert any(tag == "details" for tag, _ in shown.tags)


def test_a_violation_shows_every_field_its_policies_and_its_example(app: Starlette):
    shown = page(app, f"/violations/{0:032x}")
    for name in FIELDS:
        if name != "original_policy":
            assert f" {name} " in shown.text, name
    assert "default-src 'self'; script-src 0;" in shown.text
    assert '{"csp-report":{}}' in shown.text
    item = ask(app, f"/api/violations/{0:032x}").json
    for name in FIELDS:
        assert str(item[name]).split(";", maxsplit=1)[0] in shown.text, name


def test_a_violation_leads_back_with_the_filters_it_came_with(app: Starlette):
    shown = page(app, f"/violations/{0:032x}?site=shop&q=page")
    assert "/?site=shop&q=page" in shown.links()
    assert "site shop" in shown.text


def test_an_unknown_violation_is_a_page_that_says_so(app: Starlette):
    assert "fingerprint" in page(app, f"/violations/{999:032x}", 404).text
    assert "fingerprint" in page(app, "/violations/x", 404).text


@pytest.mark.parametrize(
    "target", ["/?foo=1", "/?site=a&site=b", "/?from=now", "/?sort=oldest", f"/violations/{0:032x}?sort=newest"]
)
def test_a_bad_question_is_a_page_that_says_what_would_be_right(app: Starlette, target: str):
    assert page(app, target, 400).text.strip()


def test_what_a_problem_repeats_is_text(app: Starlette):
    shown = page(app, "/?%3Cscript%3Ealert(1)%3C/script%3E=1", 400)
    assert "<script>" in shown.text
    assert "script" not in {tag for tag, _ in shown.tags}


def test_programs_get_problems_as_json(app: Starlette):
    assert ask(app, "/?foo=1").headers["content-type"] == "application/problem+json"
    assert ask(app, "/api/totals?foo=1", headers=BROWSER).headers["content-type"] == "application/problem+json"
    assert ask(app, "/nothing", headers=BROWSER).headers["content-type"].startswith("text/html")


REJECTED = ["day", "reason", "slot", "site", "received", "user_agent", "raw"]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}{% x %}\u202e\u0000&lt;/pre>"
NOT_TEXTS = {"site", "window", "fingerprint", "reports", "first_seen", "last_seen", "line_number", "column_number",
             "status_code", "trust"}  # fmt: skip
TEXTS = [name for name in FIELDS if name not in NOT_TEXTS]


@pytest.fixture
def hostile(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    long = "https://evil.example/" + "é/" * 4000
    texts = dict.fromkeys(TEXTS, HOSTILE)
    insert(client, [violation(1, **texts), violation(2, blocked_url=long, document_url="javascript:alert(1)")])
    account(client, [("shop", START, "ignored", HOSTILE, 2), ("shop", START, "received", "", 3)])
    put(
        client,
        "rejects",
        REJECTED,
        [[START // 86400], ["not-json"], [1], ["shop"], [START * 1000], [HOSTILE], [HOSTILE]],
    )
    put(
        client,
        "examples",
        ["site", "fingerprint", "raw", "seen"],
        [["shop"], [(1).to_bytes(16, "big")], [HOSTILE], [START]],
    )
    return build(store, lambda: None, token=None)


@pytest.mark.parametrize(
    "target", ["/", "/?sort=biggest", "/?q=script", f"/violations/{1:032x}", f"/violations/{2:032x}"]
)
def test_hostile_texts_are_shown_as_text(hostile: Starlette, target: str):
    shown = page(hostile, target)
    tags = {tag for tag, _ in shown.tags}
    assert not tags & {"script", "style", "img", "iframe", "object", "base"}
    assert "49" not in re.findall(r"onerror=alert\(2\)>(\d+)", shown.text)
    for tag, attributes in shown.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "action"):
            value = attributes.get(name)
            assert value is None or (value.startswith(("/", "#")) and not value.startswith("//")), value
    assert "\u202e" not in shown.text
    assert "\x00" not in shown.text
    if not target.endswith("2"):
        assert "<script>alert(1)</script>" in shown.text
        assert "{{7*7}}" in shown.text


def test_a_whole_url_of_8_kib_can_be_reached(hostile: Starlette):
    assert "é/" * 4000 in page(hostile, f"/violations/{2:032x}").text
    assert "é/" * 600 not in page(hostile, "/").text


def test_the_books_that_do_not_balance_say_so(hostile: Starlette):
    assert "the books do not balance" in page(hostile, "/").text


def test_how_far_the_store_is_behind_may_be_unknown(hostile: Starlette):
    assert "Behind – unknown" in " ".join(page(hostile, "/").text.split())


def test_an_empty_store_teaches_what_to_do(store: Engine):
    empty(store.client())
    shown = page(build(store, lambda: 0.0, token=None), "/")
    for words in ("No reports yet", "csp-sentinel demo", "the collector", "not both"):
        assert words in shown.text


def test_an_empty_store_and_the_readme_name_the_same_headers(store: Engine):
    empty(store.client())
    page_text = ask(build(store, lambda: 0.0, token=None), "/", headers=BROWSER).text
    headers = r"^(?:Content-Security-Policy|Reporting-Endpoints).*$"
    shown = re.findall(headers, html.unescape(page_text).replace("<pre>", "\n").replace("</pre>", "\n"), re.MULTILINE)
    assert len(shown) == 3
    assert shown == re.findall(headers, (ROOT / "README.md").read_text(), re.MULTILINE)


def test_filters_that_match_nothing_are_not_an_empty_store(app: Starlette):
    shown = page(app, "/?site=nobody")
    assert "Nothing matches" in shown.text
    assert "No reports yet" not in shown.text


def test_without_a_period_the_overview_is_of_this_week_and_the_last_and_says_so(store: Engine):
    client = store.client()
    empty(client)
    monday = (START - 4 * 86400) // (7 * 86400) * 7 * 86400 + 4 * 86400
    insert(client, [violation(1, at=monday - 30 * 86400, reports=7)])
    app = build(store, lambda: 0.0, token=None)
    shown = page(app, "/")
    assert "No reports since" in shown.text
    assert f"/?{urlencode({'from': EVER})}" in shown.links()
    assert "stored at any time" in page(app, f"/?from={EVER}").text
    insert(client, [violation(2, reports=31)])
    shown = page(app, "/")
    assert "31 stored since" in " ".join(shown.text.split())
    for link in shown.links():  # what leads to the same rows elsewhere says the period
        assert "from=" in link or not link.startswith(("/api/violations", "/api/export")), link


def test_the_sheet_and_the_icon_are_served_with_their_types(app: Starlette):
    assert ask(app, "/static/console.css").headers["content-type"].startswith("text/css")
    assert ask(app, "/static/icon.svg").headers["content-type"] == "image/svg+xml"
