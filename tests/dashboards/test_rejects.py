"""What was refused: the newest that is kept of it, for programs and for people."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from schema.written import written_ms
from tests.support.asgi import ask
from tests.support.page import opened
from tests.support.store import START, account, empty, merge, put

COLUMNS = ["day", "reason", "slot", "site", "received", "user_agent", "raw"]
DAY = datetime.fromtimestamp(START, UTC).date()
ROWS = [
    (DAY - timedelta(1), "not-json", 1, "shop", START * 1000 - 86_400_000, "curl", "yesterday"),
    (DAY, "not-json", 1, "shop", START * 1000 + 1, "curl", "{"),
    (DAY, "empty", 1, "blog", START * 1000 + 2, "", "\x00\u202e[]"),
    (DAY, "not-json", 2, "blog", START * 1000 + 3, "Mozilla", "<b>"),
]
NEWEST_FIRST = ["<b>", "\x00\u202e[]", "{", "yesterday"]


@pytest.fixture
def console(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    for row in ROWS:
        put(client, "rejects", COLUMNS, [[value] for value in row])
    account(client, [("shop", START, "received", "", 9), ("shop", START, "rejected", "not-json", 9)])
    return build(store, lambda: None, token=None)


def raws(console: Starlette, query: str = "") -> list[str]:
    return [item["raw"] for item in ask(console, f"/api/rejects{query}").json["items"]]


def test_the_newest_come_first_with_all_that_is_kept(console: Starlette):
    items = ask(console, "/api/rejects").json["items"]
    assert [item["raw"] for item in items] == NEWEST_FIRST
    assert items[0] == {"received": written_ms(START * 1000 + 3), "site": "blog", "reason": "not-json",
                        "user_agent": "Mozilla", "raw": "<b>"}  # fmt: skip


def test_they_are_chosen_by_reason_and_site_and_bounded(console: Starlette):
    assert raws(console, "?reason=not-json") == ["<b>", "{", "yesterday"]
    assert raws(console, "?site=shop") == ["{", "yesterday"]
    assert raws(console, "?site=&limit=1") == ["<b>"]
    assert raws(console, "?site=shop&reason=empty") == []


def test_a_cursor_leads_on_to_the_older_ones_until_there_are_none(console: Starlette):
    found, query = [], "?reason=not-json&limit=2"
    for _ in range(2):
        answer = ask(console, f"/api/rejects{query}").json
        found.append([item["raw"] for item in answer["items"]])
        query = f"?reason=not-json&limit=2&cursor={answer['next']}"
    assert found == [["<b>", "{"], ["yesterday"]]
    assert answer["next"] is None


@pytest.mark.parametrize("query", ["reason=rude", "site=A", "limit=0", "limit=1001", "directive=img-src", "cursor=x"])
def test_a_bad_question_is_answered_400(console: Starlette, query: str):
    assert ask(console, f"/api/rejects?{query}").status == 400


def test_one_that_took_anothers_slot_stands_for_it_before_and_after_merges(console: Starlette, store: Engine):
    later = (DAY, "not-json", 1, "blog", START * 1000 + 9, "", "9")
    put(store.client(), "rejects", COLUMNS, [[value] for value in later])
    for _ in range(2):
        assert raws(console) == ["9", "<b>", "\x00\u202e[]", "yesterday"]
        assert raws(console, "?site=shop") == ["yesterday"]
        merge(store.client())


def test_the_page_lists_the_newest_as_text(console: Starlette):
    shown = opened(console, "/rejects")
    assert "<b>" in shown.text
    assert "⟦U+202E⟧" in shown.text
    assert "/api/rejects" in shown.links()
    assert "yesterday" not in opened(console, "/rejects?site=blog").text
