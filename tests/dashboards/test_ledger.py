"""The ledger: its equation, by site and minute and in sum."""

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.times import written
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.store import START, account, empty


def test_the_sums_and_the_minutes_newest_first(app: Starlette):
    found = ask(app, "/api/ledger").json
    items = found.pop("items")
    assert found == {"received": 41, "stored": 20, "retried": 4, "sampled": 4, "foreign": 5,
                     "ignored": {"deprecation": 3}, "rejected": {"not-json": 4, "empty": 1},
                     "balanced": True}  # fmt: skip
    assert [(item["site"], item["time"]) for item in items] == [
        ("blog", written(START + 3600)), ("blog", written(START + 60)), ("shop", written(START))]  # fmt: skip
    assert items[2] == {"site": "shop", "time": written(START), "received": 30, "stored": 20, "retried": 4,
    "sampled": 0,
                        "foreign": 0, "ignored": {"deprecation": 3}, "rejected": {"not-json": 2, "empty": 1},
                        "balanced": True}  # fmt: skip


def test_a_site_and_a_period_have_their_own_ledger(app: Starlette):
    found = ask(app, f"/api/ledger?site=blog&to={written(START + 600)}").json
    assert (found["received"], found["foreign"], len(found["items"])) == (9, 5, 1)


def test_other_filters_leave_it_alone_because_a_refused_report_has_no_directive(app: Starlette):
    assert ask(app, "/api/ledger?directive=img-src&q=page&noise=none").json == ask(app, "/api/ledger").json


def test_the_items_are_bounded_and_the_sums_are_not(app: Starlette):
    found = ask(app, "/api/ledger?limit=1").json
    assert len(found["items"]) == 1
    assert found["received"] == 41


@pytest.fixture
def own(store: Engine):
    """A console over a ledger that holds only what the test puts there."""
    empty(store.client())
    return build(store, lambda: None, token=None)


def test_an_empty_ledger_balances(own: Starlette):
    found = ask(own, "/api/ledger").json
    assert found["balanced"] is True
    assert found["received"] == 0
    assert found["items"] == []


def test_a_missing_report_is_seen(own: Starlette, store: Engine):
    account(store.client(), [("a", START, "received", "", 3), ("a", START, "stored", "", 2)])
    found = ask(own, "/api/ledger").json
    assert found["balanced"] is False
    assert found["items"][0]["balanced"] is False


@pytest.mark.parametrize("second", [("b", START), ("a", START + 60)])
def test_errors_that_cancel_out_are_seen(own: Starlette, store: Engine, second: tuple[str, int]):
    account(store.client(), [
        ("a", START, "received", "", 3), ("a", START, "stored", "", 2),
        (*second, "received", "", 2), (*second, "stored", "", 3),
    ])  # fmt: skip
    assert ask(own, "/api/ledger").json["balanced"] is False
    assert ask(own, "/api/ledger?limit=1").json["balanced"] is False


def test_types_beyond_the_hundredth_are_told_together(own: Starlette, store: Engine):
    lines = [("a", START, "ignored", f"type-{number:03}", number + 1) for number in range(150)]
    account(store.client(), [*lines, ("a", START, "ignored", "other", 7), ("a", START, "received", "", 11325 + 7)])
    found = ask(own, "/api/ledger").json
    assert found["balanced"] is True
    for ignored in (found["ignored"], found["items"][0]["ignored"], ask(own, "/api/totals").json["ignored"]):
        assert len(ignored) == 100
        assert sum(ignored.values()) == 11325 + 7
        assert ignored["type-149"] == 150
        assert "type-010" not in ignored


def test_a_hundred_types_are_all_named(own: Starlette, store: Engine):
    account(store.client(), [("a", START, "ignored", f"type-{number}", 1) for number in range(100)])
    found = ask(own, "/api/ledger").json
    assert found["ignored"] == found["items"][0]["ignored"] == {f"type-{number}": 1 for number in range(100)}


def test_any_number_of_types_sites_and_minutes_is_answered(own: Starlette, store: Engine):
    client = store.client()
    client.command(f"""
        INSERT INTO ledger SELECT 'a', {START}, 'ignored', concat('type-', toString(number)), 1 + (number = 7) * 9
        FROM numbers(300000)""")
    client.command(f"""
        INSERT INTO ledger SELECT concat('site-', toString(number % 3000)), {START} + intDiv(number, 3000) * 60,
            outcome, '', 2
        FROM numbers(300000) ARRAY JOIN ['received', 'stored'] AS outcome""")
    for question in ("/api/ledger", "/api/totals"):
        ignored = ask(own, question).json["ignored"]
        assert (len(ignored), sum(ignored.values()), ignored["type-7"]) == (100, 300_009, 10), question
    found = ask(own, f"/api/ledger?limit=10000&site=a&from={written(START)}").json
    assert len(found["items"][0]["ignored"]) == 100
    assert found["balanced"] is False
    assert len(ask(own, "/api/ledger?limit=10000").json["items"]) == 10_000
    assert ask(own, "/").status == 200


def test_the_lag_may_be_unknown(own: Starlette):
    assert ask(own, "/api/totals").json == {
        "reports": 0, "estimated": 0, "violations": 0, "rejected": {}, "ignored": {}, "limited": 0, "unestimated": 0,
        "lag_seconds": None}  # fmt: skip
