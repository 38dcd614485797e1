"""The newest are looked for in the last hour first, and nothing is left out for it."""

import time

import pytest
from starlette.applications import Starlette

from dashboards import recent, relations
from dashboards.app import build
from dashboards.filters import Filters
from dashboards.times import LAST_WINDOW, written
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.store import START, account, empty, insert, violation

WEEK = 7 * 86400


@pytest.fixture
def app(store: Engine) -> Starlette:
    empty(store.client())
    return build(store, lambda: 0.0, token=None)


def listed(app: Starlette, query: str = "") -> list[int]:
    """Numbers of the violations on the first page, by their hosts."""
    page = ask(app, f"/violations?from={written(0)}{query}").text
    return [number for number in range(1, 40) if f"//page{number}.example" in page]


def at(number: int, second: float):
    return violation(number, at=second, document_url=f"https://page{number}.example/", document_host="x.example")


def test_first_an_hour_then_a_day_then_all_of_the_period(store: Engine, app: Starlette):
    insert(store.client(), [at(1, START)])
    hour, day, whole = recent.periods(store.client(), Filters(), "hours")
    end = START // 3600 * 3600 + 3600
    assert (hour.start, day.start, whole) == (end - 3600, end - 86400, Filters())


def test_the_first_two_are_asked_of_the_fine_table_alone(store: Engine, app: Starlette):
    """Also where the period has no end: there are no weeks to come."""
    client = store.client()
    insert(client, [at(1, time.time())])
    hour, _, _ = recent.periods(client, Filters(), "hours")
    assert "FROM weeks" not in relations.violations(client, hour).rows


@pytest.mark.parametrize("ahead", [0, 3600, 8 * 86400, 5 * WEEK])
def test_what_an_import_dates_ahead_is_listed(store: Engine, app: Starlette, ahead: int):
    insert(store.client(), [at(1, START), at(2, time.time() + ahead)])
    assert listed(app) == [1, 2]


def test_the_last_window_there_can_be_is_listed(store: Engine, app: Starlette):
    insert(store.client(), [at(number, LAST_WINDOW) for number in range(1, 30)])
    assert len(listed(app)) >= 20


def test_what_the_hours_lack_is_listed_all_the_same(store: Engine, app: Starlette):
    """As after a kill between two tables, or where a damaged part was put aside."""
    client = store.client()
    insert(client, [at(number, START - 2 * 86400) for number in range(1, 30)])
    insert(client, [at(30, START)])
    client.command("ALTER TABLE hours DELETE WHERE hour > toDateTime({at:UInt32}, 'UTC') SETTINGS mutations_sync = 1",
                   parameters={"at": START - 86400})  # fmt: skip
    assert 30 in listed(app)


def test_a_minute_that_the_hours_of_the_ledger_lack_is_listed(store: Engine, app: Starlette):
    client = store.client()
    account(client, [("shop", START - 7200, "received", "", 1), ("shop", START, "received", "", 2)])
    client.command("ALTER TABLE ledger_hours DELETE WHERE hour > toDateTime({at:UInt32}, 'UTC') SETTINGS mutations_sync"
                   " = 1", parameters={"at": START - 3600})  # fmt: skip
    items = ask(app, "/api/ledger?limit=10").json["items"]
    assert [item["received"] for item in items] == [2, 1]


def test_a_period_that_ends_before_there_was_anything_has_nothing(store: Engine, app: Starlette):
    insert(store.client(), [at(1, START)])
    assert listed(app, f"&to={written(0)}") == []
    assert listed(app, f"&to={written(START - WEEK)}") == []
