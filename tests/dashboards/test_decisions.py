"""What people decide about sources: the last word counts, with who said it, when and why."""

import time

import pytest

from dashboards import decisions, sources
from dashboards.params import BadParameter
from dashboards.source_filters import Asked
from dashboards.sources import Key
from schema.clickhouse import Engine
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
    assert decisions.decide(client, "known", [CDN], " our own CDN ", "ada@shop.example") == 1
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
    assert decisions.decide(client, "ignored", decisions.keys_of(ids), "", "ada") == 2
    assert set(listed(client, "ignored")) == {CDN.blocked, "'; DROP TABLE sources --"}


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
