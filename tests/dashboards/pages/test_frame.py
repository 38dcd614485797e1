"""Around every page: where one can go, and what goes wrong."""

import html
import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.pages.frame import NAVIGATION
from schema.clickhouse import Engine
from tests.support.asgi import LOCAL, ask
from tests.support.page import BROWSER, opened
from tests.support.store import empty

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", [its.path for its in NAVIGATION])
def test_a_page_says_where_one_is_and_leads_to_all_others(app: Starlette, path: str):
    shown = opened(app, path)
    here = [its for tag, its in shown.tags if tag == "a" and its.get("aria-current") == "page"]
    assert [its["href"] for its in here] == [path]
    assert {its.path for its in NAVIGATION} <= set(shown.links())


def test_what_is_below_a_page_belongs_to_it(app: Starlette):
    shown = opened(app, f"/violations/{0:032x}")
    here = [its for tag, its in shown.tags if tag == "a" and its.get("aria-current") == "page"]
    assert [its["href"] for its in here] == ["/violations"]


def test_site_and_period_go_along(app: Starlette):
    links = opened(app, "/?site=shop&from=1970-01-01T00:00:00Z&directive=img-src").links()
    assert "/violations?site=shop&from=1970-01-01T00%3A00%3A00Z" in links
    assert "/sources?site=shop" in links
    assert "/sites" in links


def test_each_page_has_a_key_of_its_own():
    assert len({its.key for its in NAVIGATION}) == len(NAVIGATION)


def test_links_of_every_page_lead_somewhere(app: Starlette):
    """Three of each kind of address: a path with certain parameters."""
    done: Counter[str] = Counter()
    starts = [its.path for its in NAVIGATION]
    starts += ["/violations?site=shop&noise=none&blocked_host=&q=page", "/violations?sort=grouped", "/?site=nobody",
               f"/violations/{0:032x}", "/sources?state=all&noise=all", "/policies/0000000000000000"]  # fmt: skip
    for start in starts:
        for link in opened(app, start).links():
            parts = urlsplit(link)
            kind = re.sub("[0-9a-f]{16,32}", "", parts.path) + str(
                sorted(parse_qs(parts.query, keep_blank_values=True))
            )
            done[kind] += 1
            if done[kind] <= 3 and not link.startswith("#"):
                assert ask(app, link, headers=BROWSER).status in {200, 302}, link
    assert len(done) > 40


@pytest.mark.parametrize("target", [
    "/?foo=1", "/?site=a&site=b", "/?from=now", "/violations?sort=oldest", f"/violations/{0:032x}?sort=newest",
    "/violations?live=yes", "/sites?site=shop", "/system?x=1",
])  # fmt: skip
def test_a_bad_question_is_a_page_that_says_what_would_be_right(app: Starlette, target: str):
    shown = opened(app, target, 400)
    assert "Bad Request" in shown.text
    assert "/violations" in shown.links()


def test_what_a_problem_repeats_is_text(app: Starlette):
    shown = opened(app, "/?%3Cscript%3Ealert(1)%3C/script%3E=1", 400)
    assert "<script>" in shown.text
    assert [its.get("src") for tag, its in shown.tags if tag == "script"] == ["/static/console.js"]


def test_programs_get_problems_as_json(app: Starlette):
    assert ask(app, "/?foo=1").headers["content-type"] == "application/problem+json"
    assert ask(app, "/api/totals?foo=1", headers=BROWSER).headers["content-type"] == "application/problem+json"
    assert ask(app, "/nothing", headers=BROWSER).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("page, api", [
    ("/?site=shop", "/api/totals?site=shop&from="),
    ("/rejects?site=shop&reason=not-json", "/api/rejects?site=shop&reason=not-json"),
    (f"/violations/{0:032x}?site=shop", f"/api/violations/{0:032x}?site=shop"),
    ("/policies?site=shop", "/api/policies?site=shop"),
    ("/sources?site=shop&trust=50", "/api/sources?site=shop&trust=50&noise=none&state=new"),
    (f"/policies/{0:016x}", f"/api/policies/{0:016x}"), ("/sites", ""), ("/system", ""),
])  # fmt: skip
def test_a_page_leads_to_its_own_answer_of_the_api(app: Starlette, page: str, api: str):
    found = [link for link in opened(app, page).links() if link.startswith("/api/")]
    assert all(ask(app, link).status == 200 for link in found)
    assert any(link.startswith(api) for link in found) if api else found == []


def test_an_empty_store_teaches_what_to_do(store: Engine):
    empty(store.client())
    app = build(store, lambda: 0.0, token=None)
    for path in ("/", "/violations"):
        shown = opened(app, path)
        for words in ("No reports yet", "csp-sentinel demo", "the collector", "not both"):
            assert words in shown.text


def test_an_empty_store_and_the_readme_name_the_same_headers(store: Engine):
    empty(store.client())
    text = ask(build(store, lambda: 0.0, token=None), "/", headers=BROWSER).text
    headers = r"^(?:Content-Security-Policy|Reporting-Endpoints).*$"
    lines = re.sub(r"</?pre[^>]*>", "\n", html.unescape(text))
    shown = re.findall(headers, lines, re.MULTILINE)
    assert len(shown) == 3
    assert shown == re.findall(headers, (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name, kind", [("frame.css", "text/css"), ("icon.svg", "image/svg+xml"),
                                        ("console.js", "text/javascript")])  # fmt: skip
def test_what_is_static_is_served_with_its_type(app: Starlette, name: str, kind: str):
    assert ask(app, f"/static/{name}", headers=LOCAL).headers["content-type"].startswith(kind)
