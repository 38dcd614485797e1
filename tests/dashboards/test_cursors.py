"""Walking a long list page by page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from dashboards import cursors, series
from dashboards.app import build
from dashboards.query_string import BadParameter
from dashboards.violations import Cursor
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.store import START, empty, insert, merge, violation

MANY = 250


@pytest.fixture
def console(store: Engine) -> Starlette:
    """Over 250 violations, many of them equally big, each in three parts."""
    client = store.client()
    empty(client)
    for turn in range(3):
        insert(client, [violation(n, at=START + turn * 600, reports=1 + n % 4) for n in range(MANY)])
    return build(store, lambda: None, token=None)


def walk(console: Starlette, limit: int, between=lambda: None) -> list[dict]:
    found, cursor = [], ""
    while cursor is not None:
        page = ask(console, f"/api/violations?limit={limit}{cursor}").json
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"] and f"&cursor={page['next']}"
        between()
    return found


@pytest.mark.parametrize("limit", [9, 50, 249, 250, 251, 1000])
def test_a_walk_meets_every_violation_once_biggest_first(console: Starlette, limit: int):
    found = walk(console, limit)
    assert sorted(item["fingerprint"] for item in found) == [f"{number:032x}" for number in range(MANY)]
    sizes = [item["reports"] for item in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == ask(console, "/api/totals").json["reports"]


def test_a_merge_on_the_way_changes_nothing(console: Starlette, store: Engine):
    expected = walk(console, 1000)
    assert walk(console, 40, between=lambda: merge(store.client())) == expected


def test_reports_that_come_in_on_the_way_make_no_violation_appear_twice(console: Starlette, store: Engine):
    client = store.client()
    found = walk(console, 40, between=lambda: insert(client, [violation(n, reports=1) for n in range(0, MANY, 7)]))
    fingerprints = [item["fingerprint"] for item in found]
    assert len(fingerprints) == len(set(fingerprints))


@given(st.integers(0, 2**63 - 1), st.binary(min_size=16, max_size=16))
def test_a_cursor_is_read_as_it_was_written(reports: int, fingerprint: bytes):
    cursor = Cursor(reports, fingerprint.hex())
    assert cursors.read(cursors.written(cursor), Cursor) == cursor


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda some: cursors.written((1, some.hex()))))
def test_any_other_text_is_refused(text: str):
    try:
        found = cursors.read(text, Cursor)
    except BadParameter:
        return
    assert len(found.fingerprint) == 32


def test_a_series_of_too_many_items_is_refused_with_what_helps(console: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(series, "MOST_ITEMS", 2)
    found = ask(console, "/api/series?step=600")
    assert found.status == 400
    assert "larger step" in found.json["detail"]
    assert ask(console, "/api/series?step=86400").status == 200
