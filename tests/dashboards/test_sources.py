"""Violation sources, from the table that is kept ready and from the violations themselves."""

from starlette.applications import Starlette

from dashboards.times import written_ms
from tests.support.asgi import ask
from tests.support.history import history


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
        }
        for key, rows in found.items()
    }  # fmt: skip


def by_key(items: list[dict]) -> dict[tuple[str, str, str], dict]:
    return {(item["site"], item["directive"], item["blocked"]): item for item in items}


def test_a_source_is_what_a_directive_blocked_on_a_site_by_host_or_else_by_kind(app: Starlette):
    items = ask(app, "/api/sources").json["items"]
    assert by_key(items) == expected()
    assert [item["first_seen"] for item in items] == sorted((item["first_seen"] for item in items), reverse=True)


def test_the_violations_give_the_same_as_the_table(app: Starlette):
    """`q` finds every page, and makes the answer be counted from the violations."""
    assert ask(app, "/api/sources?q=page").json == ask(app, "/api/sources").json


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
