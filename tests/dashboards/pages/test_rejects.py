"""Rejects: how much for which reason, what that means, and the bodies."""

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.reject_words import WORDS
from schema.clickhouse import Engine
from schema.reasons import Reason
from tests.support.page import opened
from tests.support.store import START, account, empty, put

COLUMNS = ["day", "reason", "slot", "site", "received", "user_agent", "raw"]


def test_every_reason_has_its_words():
    assert set(WORDS) == set(Reason)


@pytest.fixture(scope="module")
def refusing(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    account(client, [("shop", START, "received", "", 100), ("shop", START, "rejected", "not-json", 30),
                     ("shop", START, "rejected", "too-large", 1)])  # fmt: skip
    count = 45
    put(client, "rejects", COLUMNS,
        [[START // 86400] * count, ["not-json"] * 44 + ["too-large"], list(range(count)), ["shop"] * count,
         [START * 1000 + number // 2 for number in range(count)], ["probe/1.0"] * count,
         [f"<body {number}>" for number in range(count)]])  # fmt: skip
    return build(store, lambda: 0.0, None)


def test_reasons_are_counted_and_explained(refusing: Starlette):
    text = opened(refusing, "/rejects").text
    assert "The body is no JSON. Look at what came: mostly probes. 30 30% of received" in text


def test_a_reason_is_a_filter(refusing: Starlette):
    assert "/rejects?reason=too-large" in opened(refusing, "/rejects").links()
    assert "1–1 of 1 refused" in opened(refusing, "/rejects?reason=too-large&site=").text


def test_bodies_come_newest_first_page_by_page(refusing: Starlette):
    target, seen = "/rejects?site=shop", []
    while target:
        shown = opened(refusing, target)
        seen += [int(words.split(">")[0]) for words in shown.text.split("<body ")[1:]]
        target = next((its["href"] for tag, its in shown.tags if its.get("rel") == "next"), "")
    assert len(seen) == len(set(seen)) == 45
    assert seen[0] == 44
    assert [number // 2 for number in seen] == sorted((number // 2 for number in seen), reverse=True)


@pytest.mark.parametrize("query", ["reason=bad", "cursor=1.x", "directive=img-src"])
def test_a_wrong_parameter_is_told(refusing: Starlette, query: str):
    opened(refusing, f"/rejects?{query}", 400)
