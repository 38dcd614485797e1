"""Policies: what each blocks, what is odd about it, and what differs between two."""

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.policy_diff import diff
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.page import opened
from tests.support.store import START, empty, insert, violation

OLD, NEW = "00000000000000aa", "00000000000000bb"


@pytest.fixture(scope="module")
def two(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    insert(client, [
        violation(1, policy_hash=OLD,
                  original_policy="default-src 'self'; img-src a.example b.example; object-src 'none'"),
        violation(2, at=START + 60, policy_hash=NEW, blocked_url="inline", blocked_host="", blocked_kind="inline",
                  original_policy="default-src 'self'; img-src b.example c.example; script-src self"),
    ])  # fmt: skip
    return build(store, lambda: 0.0, None)


def test_the_newest_is_first_and_compared_with_the_one_before(two: Starlette):
    shown = opened(two, "/policies")
    assert shown.text.index(NEW) < shown.text.index(OLD)
    assert f"/policies/diff?a={OLD}&b={NEW}" in shown.links()


def test_one_shows_its_directives_what_is_odd_and_what_it_blocks(two: Starlette):
    shown = opened(two, f"/policies/{NEW}")
    assert "img-src b.example c.example" in shown.text
    assert "without quotes it is a host's name" in shown.text
    [its] = [link for link in shown.links() if link.startswith("/violations?")]
    assert "blocked_kind=inline" in its
    assert f"/violations/{2:032x}" in " ".join(opened(two, its).links())


def test_two_are_compared_by_directive_and_by_source(two: Starlette):
    text = opened(two, f"/policies/diff?a={OLD}&b={NEW}").text
    assert "removed a.example added c.example b.example" in text
    assert "script-src added added self" in text
    assert "object-src removed removed 'none'" in text
    assert "1 directive is the same" in text


@pytest.mark.parametrize("target, status", [
    ("/policies/0000", 404), ("/policies/%3Cscript%3E", 404), ("/policies/diff", 400), (f"/policies/diff?a={OLD}", 400),
    (f"/policies/diff?a={OLD}&b=%00", 404), ("/policies?cursor=1.x", 400),
])  # fmt: skip
def test_what_is_not_known_is_told(two: Starlette, target: str, status: int):
    opened(two, target, status)


def test_none_is_said_with_what_to_do(store: Engine):
    empty(store.client())
    assert "csp-sentinel demo" in ask(build(store, lambda: 0.0, None), "/policies").text


@pytest.mark.parametrize("before, after, said", [
    ("img-src a", "img-src a", [("img-src", "same", ["a"], [], [])]),
    ("img-src a b", "img-src b a", [("img-src", "reordered", ["b", "a"], [], [])]),
    ("img-src a", "IMG-SRC b;", [("img-src", "changed", [], ["b"], ["a"])]),
    ("", "sandbox", [("sandbox", "added", [], [], [])]),
    ("sandbox", ";;", [("sandbox", "removed", [], [], [])]),
    ("img-src a; img-src b", "img-src a", [("img-src", "same", ["a"], [], [])]),
])  # fmt: skip
def test_a_diff_is_of_what_browsers_read(before: str, after: str, said: list[tuple[object, ...]]):
    assert [change for policy in diff(before, after) for change in policy] == said


def test_several_policies_of_a_header_are_compared_one_by_one():
    before = "img-src 'self', script-src 'none'"
    unchanged, same, new = diff(before, f"{before}, object-src 'none'; img-src a")
    assert [(its.name, its.how) for its in (*unchanged, *same)] == [("img-src", "same"), ("script-src", "same")]
    assert [(its.name, its.how) for its in new] == [("object-src", "added"), ("img-src", "added")]


def test_several_policies_of_a_header_are_shown_one_by_one(store: Engine):
    client = store.client()
    empty(client)
    joined = "img-src 'self', script-src 'none'"
    insert(client, [violation(1, policy_hash=OLD, original_policy=joined),
                    violation(2, policy_hash=NEW, original_policy=f"{joined}, object-src 'none'")])  # fmt: skip
    app = build(store, lambda: 0.0, None)
    assert "Policy 1 of 2 img-src 'self' Policy 2 of 2 script-src 'none'" in opened(app, f"/policies/{OLD}").text
    compared = opened(app, f"/policies/diff?a={OLD}&b={NEW}").text
    assert "Policy 3 of 3 object-src added added 'none'" in compared
    assert "2 directives are the same" in compared
