"""Each policy of each site: since when, how often, and what it blocks."""

import pytest

from dashboards import cursors, policies
from dashboards.app import build
from schema.clickhouse import Engine
from schema.written import written_ms
from tests.support.asgi import ask
from tests.support.store import START, empty, insert, merge, violation

A, B = "00000000000000aa", "00000000000000bb"
ROWS = [
    violation(1, at=START, reports=3),
    violation(2, at=START + 60, reports=2, effective_directive="img-src"),
    violation(3, at=START + 700, site="blog", reports=5),
    violation(4, at=START + 800, policy_hash=B, original_policy="img-src 'none'", blocked_host="",
              blocked_kind="inline"),
    violation(5, at=START + 900, policy_hash="", original_policy=""),
]  # fmt: skip


@pytest.fixture
def client(store: Engine):
    its = store.client()
    empty(its)
    insert(its, ROWS[:2])
    insert(its, ROWS[2:])
    return its


def test_each_policy_of_each_site_the_newest_first(client):
    items = policies.listed(client, None, 10)["items"]
    assert [(one["site"], one["policy_hash"], one["reports"], one["violations"]) for one in items] == [
        ("shop", B, 1, 1), ("blog", A, 5, 1), ("shop", A, 5, 2),
    ]  # fmt: skip
    last = items[-1]
    assert last["original_policy"] == "default-src 'self'"
    assert (last["first_seen"], last["last_seen"]) == (written_ms(START * 1000), written_ms(START * 1000 + 60_000))
    merge(client)
    assert policies.listed(client, None, 10)["items"] == items


def test_the_policies_of_one_site(client):
    assert {one["site"] for one in policies.listed(client, "blog", 10)["items"]} == {"blog"}


def test_the_pages_of_the_list_hold_each_policy_once(client):
    found, cursor = [], None
    while True:
        page = policies.listed(client, None, 1, cursor)
        found += page["items"]
        if page["next"] is None:
            break
        cursor = cursors.read(page["next"], policies.Cursor)
    assert found == policies.listed(client, None, 10)["items"]


def test_one_policy_says_where_it_is_and_what_it_blocks(client):
    found = policies.one(client, A)
    assert found is not None
    assert [(its["site"], its["reports"]) for its in found["sites"]] == [("shop", 5), ("blog", 5)]
    assert found["blocks"] == [
        {"directive": "script-src-elem", "blocked": "cdn.evil.example", "reports": 8, "estimated": 8, "violations": 2},
        {"directive": "img-src", "blocked": "cdn.evil.example", "reports": 2, "estimated": 2, "violations": 1},
    ]
    inline = policies.one(client, B)
    assert inline is not None
    assert inline["blocks"][0]["blocked"] == "inline"


def test_a_policy_nobody_sent_is_not_there(client):
    assert policies.one(client, "0" * 16) is None
    assert policies.text(client, "' OR 1=1 --") is None


@pytest.mark.parametrize("name", [A.upper(), A[:-1], "policy"])
def test_what_is_no_hash_is_a_policy_nowhere(store: Engine, client, name: str):
    insert(client, [violation(6, policy_hash=name)])
    app = build(store, lambda: None, token=None)
    for path in (f"/api/policies/{name}", f"/policies/{name}", f"/policies/diff?a={name}&b={A}"):
        assert ask(app, path).status == 404


def test_the_api_gives_the_same(store: Engine, client):
    app = build(store, lambda: None, token=None)
    assert ask(app, "/api/policies?site=shop").json == policies.listed(client, "shop", 100)
    assert ask(app, f"/api/policies/{A}").json == policies.one(client, A)
    assert ask(app, "/api/policies/nothing").status == 404
    assert ask(app, "/api/policies?site=shop&noise=none").status == 400
