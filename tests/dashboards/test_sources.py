"""Violation sources: what a directive blocked where, of the violations that a question is about."""

import pytest
from starlette.applications import Starlette

from dashboards import new_sources, sources
from dashboards.app import build
from dashboards.source_filters import Asked
from dashboards.times import LAST_WINDOW, written
from schema.clickhouse import Engine
from schema.written import written_ms
from tests.support.asgi import ask
from tests.support.history import history
from tests.support.store import START, empty, insert, violation

DECIDED = {"known": written_ms(START * 1000), "ignored": written_ms(START * 1000 + 1)}


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
            **dict.fromkeys(("reports", "estimated"), sum(row.reports for row in rows)),
            "pages": len({row.document_url for row in rows}),
            "browsers": sorted({row.browser for row in rows}),
            "state": states.get(key, "new"),
            "first_page": min(rows, key=lambda row: row.first_seen).document_url,
            "noise": all(row.noise for row in rows),
            "note": "", "decided_by": "", "decided_at": DECIDED.get(states.get(key, "new")),
            "trust": 100, "trust_reasons": [], "trusted": True,
        }
        for key, rows in found.items()
    }  # fmt: skip


def by_key(items: list[dict]) -> dict[tuple[str, str, str], dict]:
    """Without the id, which means nothing to who reads it."""
    named = [{name: value for name, value in item.items() if name != "id"} for item in items]
    return {(item["site"], item["directive"], item["blocked"]): item for item in named}


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


@pytest.mark.parametrize("newest", [1, 3, 5, 1000])
def test_a_page_is_the_same_however_few_of_the_newest_are_looked_at_first(
    app: Starlette, monkeypatch: pytest.MonkeyPatch, newest: int
):
    monkeypatch.setattr("dashboards.sources._NEWEST", newest)
    whole = ask(app, "/api/sources?limit=1000").json["items"]
    for limit in range(1, 6):
        found, cursor = [], ""
        while cursor is not None:
            page = ask(app, f"/api/sources?limit={limit}{cursor}").json
            found += page["items"]
            cursor = page["next"] and f"&cursor={page['next']}"
        assert found == whole


TOLD = ("site", "directive", "blocked", "blocked_kind", "first_seen", "last_seen", "reports", "estimated", "trust",
        "trusted", "pages", "noise", "state", "note", "decided_by", "decided_at")  # fmt: skip


@pytest.mark.parametrize("noise", ["all", "none", "only"])
@pytest.mark.parametrize("since", [0, START - 86400, START - 3600])
def test_the_first_page_has_the_first_of_the_list_with_their_pages(store: Engine, app: Starlette, noise: str, since):
    asked = Asked(noise=noise, since=since, state="new")
    first, _ = new_sources.first(store.client(), asked, 3, (since, LAST_WINDOW))
    items = sources.listed(store.client(), asked, 3)["items"]
    assert [[item[name] for name in TOLD] for item in first] == [[item[name] for name in TOLD] for item in items]
    assert first or since


@pytest.mark.parametrize("noise", ["all", "none", "only"])
def test_new_sources_are_counted_by_period_whatever_was_decided(store: Engine, app: Starlette, noise: str):
    asked = Asked(noise=noise, state="new")
    periods = [(START - 3600, LAST_WINDOW), (START - 86400, START - 3600), (5, 6)]
    items = [item for item in sources.listed(store.client(), Asked(noise=noise), 1000)["items"] if item["trusted"]]
    expected = [
        [item["site"] for item in items if written(start) <= item["first_seen"] < written(end)]
        for start, end in periods
    ]
    first, counts = new_sources.first(store.client(), asked, 3, *periods)
    assert counts == [len(sites) for sites in expected]
    assert first or noise == "only"
    for period, sites in zip(periods, expected, strict=True):
        by_site = new_sources.by_site(store.client(), asked, period)
        assert {site: count for site, count in by_site.items() if count} == {site: sites.count(site) for site in sites}


def test_where_nothing_is_new_nothing_is_counted(store: Engine, app: Starlette):
    assert new_sources.first(store.client(), Asked(site="nowhere"), 3, (0, 5), (5, 9)) == ([], [0, 0])


def test_a_filter_of_the_violations_narrows_what_is_counted(app: Starlette):
    items = ask(app, "/api/sources?browser=firefox").json["items"]
    assert {tuple(item["browsers"]) for item in items} == {("Firefox",)}
    assert sum(item["reports"] for item in items) == sum(row.reports for row in history() if row.browser == "Firefox")


@pytest.mark.parametrize(
    "query", ["", "site=shop", "directive=img-src", "blocked_host=cdn.evil.example", "blocked_host=",
              "blocked_kind=inline", "noise=none", "noise=only", "site=shop&noise=none&blocked_kind=url"],
)  # fmt: skip
def test_both_ways_to_a_source_lead_to_the_same(app: Starlette, query: str):
    """From the table of sources, and from the violations of all time."""
    known = ask(app, f"/api/sources?limit=1000&{query}").json["items"]
    assert known or query == "noise=only"
    assert ask(app, f"/api/sources?limit=1000&{query}&from=2000-01-01T00:00:00Z").json["items"] == known


def test_a_source_is_as_old_as_it_is_known_and_of_a_period_as_what_is_retained(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1, at=START - 7 * 86400), violation(1)])
    for table in ("violations", "weeks"):
        client.command(f"ALTER TABLE {table} DELETE WHERE window < today() - 3 SETTINGS mutations_sync = 2")
    console = build(store, lambda: None, token=None)
    for query, first, reports in (("", START - 7 * 86400, 2), ("site=shop", START - 7 * 86400, 2),
                                  ("browser=Chrome", START, 1)):  # fmt: skip
        [item] = ask(console, f"/api/sources?{query}").json["items"]
        assert (item["first_seen"], item["reports"]) == (written_ms(first * 1000), reports)
