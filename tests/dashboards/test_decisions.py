"""What people decide about sources: the last word counts, with who said it, when and why."""

import json
import re
import time
from urllib.parse import urlencode

import pytest

from dashboards import decisions, sources
from dashboards.app import build
from dashboards.query_string import BadParameter
from dashboards.source_filters import Asked, Key
from schema.clickhouse import Engine
from tests.support.asgi import LOCAL, Answer, ask
from tests.support.store import empty, insert, violation

CDN = Key("shop", "script-src-elem", "cdn.evil.example")


@pytest.fixture
def client(store: Engine):
    its = store.client()
    empty(its)
    insert(its, [violation(1), violation(2, blocked_host="'; DROP TABLE sources --")])
    return its


def listed(client, state: str = ""):
    return {item["blocked"]: item for item in sources.listed(client, Asked(state=state), 10)["items"]}


def test_a_decision_is_shown_with_who_when_and_why(client):
    assert decisions.decide(client, "known", [CDN], " our own CDN ", "ada@shop.example") == (1, 0)
    item = listed(client)[CDN.blocked]
    assert (item["state"], item["note"], item["decided_by"]) == ("known", "our own CDN", "ada@shop.example")
    assert item["decided_at"][:10] == time.strftime("%Y-%m-%d", time.gmtime())
    assert set(listed(client, "new")) == {"'; DROP TABLE sources --"}


def test_the_last_decision_counts_and_new_reopens(client):
    for state in ("known", "ignored", "new"):
        decisions.decide(client, state, [CDN], "", "ada")
        time.sleep(0.002)
    assert set(listed(client, "new")) == {CDN.blocked, "'; DROP TABLE sources --"}
    assert listed(client)[CDN.blocked]["decided_by"] == "ada"


def test_many_are_decided_at_once_by_the_ids_of_the_list(client):
    ids = [item["id"] for item in listed(client).values()]
    assert decisions.decide(client, "ignored", decisions.keys_of(ids), "", "ada") == (2, 0)
    assert set(listed(client, "ignored")) == {CDN.blocked, "'; DROP TABLE sources --"}


def test_a_source_may_be_decided_before_it_is_seen_and_that_is_said(client):
    ahead = Key("shop", "img-src", "cdn.partner.example")
    assert decisions.decide(client, "known", [CDN, ahead], "", "ada") == (2, 1)


def test_a_body_names_sources_by_their_three_parts():
    source = {"site": "shop", "directive": "img-src", "blocked": "a.example"}
    given = {"state": "known", "sources": [source], "note": "n"}
    assert decisions.read(given) == ("known", [Key("shop", "img-src", "a.example")], "n")


@pytest.mark.parametrize(
    "given",
    [None, [], {}, {"state": "known", "sources": []}, {"state": "known", "sources": [{"site": "shop"}]},
     {"state": 1, "sources": [{}]}, {"state": "known", "sources": [{"id": "x"}] * 1001},
     {"state": "known", "sources": [{}], "more": 1}],
)  # fmt: skip
def test_a_body_that_is_no_decision_is_refused(given):
    with pytest.raises(BadParameter):
        decisions.read(given)


@pytest.mark.parametrize(
    ("state", "key", "note"),
    [("gone", CDN, ""), ("known", CDN, "x" * 1001), ("known", Key("No Label", "a", "b"), ""),
     ("known", Key("shop", "", "b"), ""), ("known", Key("shop", "a", ""), "")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_is_written(client, state: str, key: Key, note: str):
    with pytest.raises(BadParameter):
        decisions.decide(client, state, [key], note, "ada")
    assert client.query("SELECT count() FROM source_states").result_rows == [(0,)]


@pytest.mark.parametrize("ids", [[], ["?"], ["k6RzaG9w"], ["x"] * 1001])
def test_ids_that_are_none_of_the_list_are_refused(ids: list[str]):
    with pytest.raises(BadParameter):
        decisions.keys_of(ids)


# Over HTTP


@pytest.fixture
def app(store: Engine):
    return build(store, lambda: None, token=None)


def posted(app, fields: list[tuple[str, str]], csrf: str | None = None) -> Answer:
    found = re.search(r'name="csrf" value="([^"]+)"', ask(app, "/sources").text)
    assert found is not None
    given = [*fields, ("csrf", found[1] if csrf is None else csrf)]
    form = ("content-type", "application/x-www-form-urlencoded")
    return ask(app, "/sources", "POST", (*LOCAL, form), urlencode(given).encode())


def test_the_form_decides_and_leads_back(client, app):
    item = listed(client)[CDN.blocked]
    answer = posted(app, [("state", "known"), ("source", item["id"]), ("note", "ours"), ("back", "/sources?site=shop")])
    assert (answer.status, answer.headers["location"]) == (303, "/sources?site=shop")
    decided = listed(client)[CDN.blocked]
    assert (decided["state"], decided["note"], decided["decided_by"]) == ("known", "ours", "this machine")


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_the_way_back_leads_nowhere_else(client, app, back: str):
    item = listed(client)[CDN.blocked]
    answer = posted(app, [("state", "known"), ("source", item["id"]), ("back", back)])
    assert (answer.status, answer.headers["location"]) == (303, "/sources")


def test_a_form_without_its_token_decides_nothing(client, app):
    item = listed(client)[CDN.blocked]
    for csrf in ("", "0" * 64):
        assert posted(app, [("state", "known"), ("source", item["id"])], csrf).status == 403
    assert listed(client)[CDN.blocked]["state"] == "new"


@pytest.mark.parametrize(
    "fields", [[("state", "known")], [("state", "known"), ("source", "?")], [("state", "known"), ("more", "1")],
               [("state", "known"), ("state", "new"), ("source", "?")]],
)  # fmt: skip
def test_a_form_that_makes_no_sense_is_answered_with_a_sentence(client, app, fields: list[tuple[str, str]]):
    answer = posted(app, fields)
    assert answer.status == 400
    assert answer.json["detail"]


def test_a_program_decides_by_json(client, app):
    body = {"state": "ignored", "sources": [CDN._asdict()], "note": "noise of a partner"}
    json_type = ("content-type", "application/json")
    answer = ask(app, "/api/sources/state", "POST", (*LOCAL, json_type), json.dumps(body).encode())
    assert (answer.status, answer.json) == (200, {"decided": 1, "unseen": 0})
    assert listed(client)[CDN.blocked]["state"] == "ignored"


@pytest.mark.parametrize("body", [b"\xff", b'{"state": "\xed\xa0\x80"}', b"[" * 100_000, b'{"state":'])
def test_a_body_that_is_no_json_is_refused_with_a_sentence(store: Engine, body: bytes):
    """Found by fuzzing: bytes that are no UTF-8, and what is nested too deeply, were answered 500."""
    console = build(store, lambda: None, token=None)
    headers = (*LOCAL, ("content-type", "application/json"))
    found = ask(console, "/api/sources/state", "POST", headers, body)
    assert found.status == 400
    assert found.json["detail"].startswith("The body is no JSON")
