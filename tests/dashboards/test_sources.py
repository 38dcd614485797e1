"""Violation sources: what a directive blocked where, of the violations that a question is about."""

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.times import written_ms
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.history import history
from tests.support.store import START, empty, insert, violation


def expected() -> dict[tuple[str, str, str], dict[str, object]]:
    found: dict[tuple[str, str, str], list] = {}
    for row in history():
        found.setdefault((row.site, row.effective_directive, row.blocked_host or row.blocked_kind), []).append(row)
    states = {("shop", "script-src-elem", "cdn.evil.example"): "known", ("shop", "img-src", "inline"): "ignored"}
    return {
        key: {
            "site": key[0], "directive": key[1], "blocked": key[2], "blocked_kind": rows[0].blocked_kind,
            "first_seen": written_ms(min(row.first_seen for row in rows)),
            "last_seen": written_ms(max(row.last_seen for row in rows)),
            "reports": sum(row.reports for row in rows),
            "pages": len({row.document_url for row in rows}),
            "browsers": sorted({row.browser for row in rows}),
            "state": states.get(key, "new"),
            "trust": 100, "trust_reasons": [], "trusted": True,
        }
        for key, rows in found.items()
    }  # fmt: skip


def by_key(items: list[dict]) -> dict[tuple[str, str, str], dict]:
    return {(item["site"], item["directive"], item["blocked"]): item for item in items}


def test_a_source_is_what_a_directive_blocked_on_a_site_by_host_or_else_by_kind(app: Starlette):
    items = ask(app, "/api/sources").json["items"]
    assert by_key(items) == expected()
    assert [item["first_seen"] for item in items] == sorted((item["first_seen"] for item in items), reverse=True)


@pytest.mark.parametrize("query", ["q=page", "site=shop", "noise=none", "browser=chrome", "blocked_kind=url&noise=all"])
def test_a_narrower_question_never_has_an_earlier_source(app: Starlette, query: str):
    whole = by_key(ask(app, "/api/sources?limit=1000").json["items"])
    narrower = by_key(ask(app, f"/api/sources?limit=1000&{query}").json["items"])
    for key, item in narrower.items():
        assert item["first_seen"] >= whole[key]["first_seen"]
        assert item["reports"] <= whole[key]["reports"]
    total = ask(app, f"/api/totals?{query}").json["reports"]
    assert sum(item["reports"] for item in narrower.values()) == total


def test_sources_are_chosen_by_their_latest_state(app: Starlette):
    for state in ("new", "known", "ignored"):
        chosen = {key: item for key, item in expected().items() if item["state"] == state}
        assert by_key(ask(app, f"/api/sources?state={state}").json["items"]) == chosen


def test_the_pages_of_the_list_hold_each_source_once(app: Starlette):
    for query in ("limit=4", "limit=4&q=page"):
        found, cursor = [], ""
        while cursor is not None:
            page = ask(app, f"/api/sources?{query}{cursor}").json
            found += page["items"]
            cursor = page["next"] and f"&cursor={page['next']}"
        assert found == ask(app, "/api/sources").json["items"]


def test_a_filter_of_the_violations_narrows_what_is_counted(app: Starlette):
    items = ask(app, "/api/sources?browser=firefox").json["items"]
    assert {tuple(item["browsers"]) for item in items} == {("Firefox",)}
    assert sum(item["reports"] for item in items) == sum(row.reports for row in history() if row.browser == "Firefox")


def test_a_source_is_as_old_as_what_is_retained_of_it(store: Engine):
    """Whatever filter is given or not."""
    client = store.client()
    empty(client)
    insert(client, [violation(1, at=START - 7 * 86400), violation(1)])
    for table in ("violations", "weeks"):
        client.command(f"ALTER TABLE {table} DELETE WHERE window < today() - 3 SETTINGS mutations_sync = 2")
    console = build(store, lambda: None, token=None)
    found = [ask(console, f"/api/sources?{query}").json["items"] for query in ("", "site=shop", "browser=Chrome")]
    assert found[0] == found[1] == found[2]
    assert found[0][0]["first_seen"] == written_ms(START * 1000)
    assert found[0][0]["reports"] == ask(console, "/api/totals").json["reports"] == 1
