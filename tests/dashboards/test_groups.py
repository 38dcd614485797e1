"""Groups of violations over a real store: few of many, exact, page by page, and the way to their members."""

import json
import secrets
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from processor.fold import fold
from schema.clickhouse import Engine
from schema.delivery import Delivery, Kind
from schema.sites import Sites
from tests.support.asgi import ask
from tests.support.page import Page
from tests.support.store import START, empty, insert, merge, violation

BROWSER = (("host", "127.0.0.1:8081"), ("accept", "text/html"))
ORDER, RESET, ASSET = (f"https://shop.example{path}" for path in ("/order/{n}/pay", "/reset/{token}", "/cart"))
CHUNK = "https://cdn.shop.example/static/app.{hash}.js"


def reports() -> Iterator[dict[str, str]]:
    """Ten thousand, no two of which have both URLs alike."""
    for number in range(10_000):
        page = (f"/order/{number}/pay", "/reset/" + secrets.token_urlsafe(32), "/cart")[number % 3]
        chunk = f"https://cdn.shop.example/static/app.{secrets.token_hex(4)}.js"
        yield {"document-uri": f"https://shop.example{page}", "effective-directive": "script-src-elem",
               "blocked-uri": chunk if number % 3 == 2 else "inline", "disposition": "enforce"}  # fmt: skip


@pytest.fixture(scope="module")
def app(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    bodies = [json.dumps({"csp-report": report}).encode() for report in reports()]
    deliveries = [
        Delivery(START * 1000 + at, "shop", Kind.REPORTS, 1, b"agent", body) for at, body in enumerate(bodies)
    ]
    insert(client, [row.violation for row in fold(deliveries, (), Sites()).rows.values()])
    return build(store, lambda: None, token=None)


def groups(app: Starlette, **asked: object) -> list[dict]:
    found = ask(app, f"/api/groups?{urlencode(asked)}")
    assert found.status == 200, found
    return found.json["items"]


def test_ten_thousand_reports_of_three_kinds_are_a_handful_of_groups(app: Starlette):
    found = groups(app)
    assert len(found) < 12
    assert sum(group["reports"] for group in found) == 10_000 == ask(app, "/api/totals").json["reports"]
    assert {(group["document_template"], group["blocked_template"]) for group in found[:3]} == {
        (ORDER, "inline"), (RESET, "inline"), (ASSET, CHUNK),
    }  # fmt: skip


def test_a_group_says_how_many_violations_and_pages_it_has(app: Starlette):
    [order] = groups(app, document_template=ORDER)
    assert order.items() >= {
        "site": "shop", "effective_directive": "script-src-elem", "blocked_template": "inline",
        "blocked_kind": "inline", "disposition": "enforce", "reports": 3334, "violations": 3334,
    }.items()  # fmt: skip
    assert order["pages"] == pytest.approx(3334, rel=0.05)
    assert order["first_seen"] < order["last_seen"]
    assert ask(app, f"/api/violations/{order['fingerprint']}").json["document_template"] == ORDER


@pytest.mark.parametrize("name, value", [("document_template", ORDER), ("blocked_template", CHUNK)])
def test_every_question_can_be_asked_of_a_template(app: Starlette, name: str, value: str):
    asked = f"{name}={quote(value, safe='')}"
    count = sum(group["reports"] for group in groups(app, **{name: value}))
    assert 0 < count < 10_000
    assert ask(app, f"/api/totals?{asked}").json["reports"] == count
    assert sum(point["reports"] for point in ask(app, f"/api/series?{asked}").json["items"]) == count
    assert [top["reports"] for top in ask(app, f"/api/top?by={name}&{asked}").json["items"]] == [count]
    assert sum(source["reports"] for source in ask(app, f"/api/sources?{asked}").json["items"]) == count
    assert {item[name] for item in ask(app, f"/api/violations?limit=3&{asked}").json["items"]} == {value}
    assert len(ask(app, f"/api/export?{asked}").text.splitlines()) == count


def test_what_there_is_most_of_can_be_asked_by_template(app: Starlette):
    found = ask(app, "/api/top?by=document_template").json["items"]
    assert {item["key"] for item in found[:3]} == {ORDER, RESET, ASSET}
    assert ask(app, "/api/top?by=blocked_template").json["items"][0]["key"] == "inline"


def test_the_pages_of_a_list_have_each_group_once(store: Engine):
    client = store.client()
    empty(client)
    rows = [violation(number, reports=1 + number % 3, document_template=f"/t/{number // 2}", blocked_template="inline")
            for number in range(40)]  # fmt: skip
    insert(client, rows[:25])
    insert(client, rows[25:])
    console = build(store, lambda: None, token=None)
    whole = groups(console)
    paged, cursor = [], ""
    while cursor is not None:
        answer = ask(console, f"/api/groups?limit=7{cursor and '&cursor=' + cursor}").json
        paged += answer["items"]
        cursor = answer["next"]
    assert paged == whole
    assert [group["reports"] for group in whole] == sorted((group["reports"] for group in whole), reverse=True)
    assert len(whole) == 20
    assert {group["violations"] for group in whole} == {2}
    merge(client)
    assert groups(console) == whole


def test_rows_of_one_violation_are_of_its_browsers_whatever_numbers_stand_in_their_samples(store: Engine):
    client = store.client()
    empty(client)
    one = {"blocked_kind": "inline", "blocked_url": "inline"}
    insert(client, [violation(1, sample=f"var now = {n}", at=START + 600 * n, reports=n, **one) for n in (1, 2, 4)])
    item = ask(build(store, lambda: None, token=None), f"/api/violations/{1:032x}").json
    assert [browser["reports"] for browser in item["browsers"]] == [7] == [item["reports"]]


def test_the_fingerprint_is_of_the_biggest_member(store: Engine):
    client = store.client()
    empty(client)
    insert(
        client, [violation(number, reports=size, document_template="/t") for number, size in ((1, 3), (2, 9), (3, 4))]
    )
    [group] = groups(build(store, lambda: None, token=None))
    assert group["fingerprint"] == f"{2:032x}"


def test_the_violations_grouped_lead_to_their_members(store: Engine):
    client = store.client()
    empty(client)
    nasty = "https://shop.example/<b>&{n}"
    insert(
        client,
        [violation(number, document_template=nasty, blocked_template="", disposition="") for number in range(30)],
    )
    insert(client, [violation(99, document_template="other")])
    console = build(store, lambda: None, token=None)
    shown = Page(ask(console, "/violations?sort=grouped&noise=none", headers=BROWSER).text)
    assert "Groups of violations" in shown.text
    assert nasty in shown.text
    [link] = [link for link in shown.links() if "document_template=" + quote(nasty, safe="") in link]
    members = Page(ask(console, link, headers=BROWSER).text)
    assert "sort" not in link
    assert "noise=none" in link
    listed = [link for link in members.links() if link.startswith("/violations/")]
    assert len(listed) == 25  # a page of them
    assert f"{99:032x}" not in "".join(listed)
    assert "30" in members.text
