"""Sources: those that are new, and the form by which people decide."""

from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette

from dashboards import decisions, sources
from dashboards.app import build
from dashboards.source_filters import Asked
from dashboards.times import written
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.page import Page, opened
from tests.support.store import START, empty, insert, violation


def chosen(shown: Page) -> list[str]:
    """The ids that the form offers."""
    return [its["value"] for tag, its in shown.tags if tag == "input" and its.get("name") == "source"]


def test_the_new_ones_are_shown_first_without_noise(app: Starlette, store: Engine):
    new = sources.listed(store.client(), Asked(state="new", noise="none"), 100)["items"]
    assert chosen(opened(app, "/sources")) == [item["id"] for item in new] != []


@pytest.mark.parametrize("state", ["new", "known", "ignored", "all"])
def test_a_tab_has_its_state_and_stays_on_it(app: Starlette, store: Engine, state: str):
    its = sources.listed(store.client(), Asked(state="" if state == "all" else state), 100)["items"]
    shown = opened(app, f"/sources?state={state}&noise=all&site=shop")
    assert chosen(shown) == [item["id"] for item in its if item["site"] == "shop"]
    asked = [parse_qs(urlsplit(link).query) for link in shown.links() if link.startswith("/sources?")]
    tabs = {its.get("state", ["new"])[0] for its in asked if (its.get("noise"), its.get("site")) == (["all"], ["shop"])}
    assert tabs == {"new", "known", "ignored", "all"}


def test_the_form_says_what_is_decided_and_where_to_go_back_to(app: Starlette):
    shown = opened(app, "/sources?state=ignored&noise=all")
    [form] = [its for tag, its in shown.tags if tag == "form" and its.get("method") == "post"]
    assert form["action"] == "/sources"
    assert shown.hidden()["back"] == "/sources?state=ignored&noise=all"
    assert "csrf" in shown.hidden()
    buttons = {its["value"] for tag, its in shown.tags if tag == "button" and its.get("name") == "state"}
    assert buttons == {"known", "new"}


def test_a_row_says_who_decided_when_and_why(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1, at=START, document_url="https://www.shop.example/first"), violation(2, at=START + 60)])
    decisions.decide(
        client, "known", [sources.Key("shop", "script-src-elem", "cdn.evil.example")], "our CDN, #12", "ada"
    )
    shown = opened(build(store, lambda: 0.0, None), "/sources?state=known").text
    assert "by ada : our CDN, #12" in shown
    assert "first on https://www.shop.example/first" in shown
    assert "2 pages Chrome" in shown


@pytest.mark.parametrize("query, count", [
    ("q=evil", 1), ("q=evil%20cdn", 1), ("directive=img-src", 1), ("blocked_kind=inline", 1), ("trust=100", 3),
    (f"since={written(START + 3000)}", 1), ("blocked_host=cdn.evil.example", 1), ("site=nobody", 0),
    ("trust=&directive=&since=&q=&site=", 3), ("since=0001-01-01T00:00:00Z", 3), ("since=2110-01-01T00:00:00Z", 0),
    ("until=2107-01-01T00:00:00Z", 3), ("until=1969-12-31T00:00:00Z", 0),
])  # fmt: skip
def test_it_is_filtered(store: Engine, query: str, count: int):
    client = store.client()
    empty(client)
    insert(client, [
        violation(1), violation(2, blocked_url="inline", blocked_host="", blocked_kind="inline"),
        violation(3, at=START + 3600, effective_directive="img-src", blocked_host="late.example"),
    ])  # fmt: skip
    assert len(chosen(opened(build(store, lambda: 0.0, None), f"/sources?{query}"))) == count


def test_they_come_page_by_page(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(number, at=START + number, blocked_host=f"h{number}.example") for number in range(30)])
    app = build(store, lambda: 0.0, None)
    first = opened(app, "/sources?site=shop")
    [more] = [link for link in first.links() if "cursor=" in link]
    rest = opened(app, more)
    assert "26–30 of 30 sources" in rest.text
    assert len({*chosen(first), *chosen(rest)}) == 30
    assert "/sources?site=shop" in rest.links()


def test_none_is_said_with_what_to_do(store: Engine):
    client = store.client()
    empty(client)
    app = build(store, lambda: 0.0, None)
    assert "csp-sentinel demo" in opened(app, "/sources").text
    insert(client, [violation(1)])
    assert "write why, and accept or ignore them" in opened(app, "/sources?state=known").text
    decisions.decide(client, "ignored", [sources.Key("shop", "script-src-elem", "cdn.evil.example")], "", "ada")
    assert "Nothing new" in opened(app, "/sources").text


def test_a_wrong_parameter_is_told(app: Starlette):
    for query in ("state=old", "trust=101", "since=yesterday", "cursor=1.x", "browser=x", "live=2"):
        assert ask(app, f"/sources?{query}").status == 400, query
