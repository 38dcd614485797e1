"""What a page's list shows of a violation is what the API says of it."""

from starlette.applications import Starlette

from dashboards import violations
from dashboards.filters import Filters
from dashboards.listed import SHOWN
from dashboards.rows import FIELDS
from schema.clickhouse import Engine


def test_a_list_of_a_page_has_the_fields_it_shows_as_the_api_has_them(store: Engine, app: Starlette):
    client = store.client()
    whole = violations.biggest(client, Filters(), 50, None, FIELDS)["items"]
    shown = violations.biggest(client, Filters(), 50, None, SHOWN)["items"]
    assert len(whole) > 1
    assert shown == [{name: item[name] for name in SHOWN} for item in whole]


def test_the_newest_are_listed_by_when_they_were_last_seen(store: Engine, app: Starlette):
    client = store.client()
    whole = violations.biggest(client, Filters(), 1000, None, FIELDS)["items"]
    latest = sorted(whole, key=lambda item: item["fingerprint"])
    latest.sort(key=lambda item: item["last_seen"], reverse=True)
    newest = violations.newest(client, Filters(), 20, None, SHOWN)["items"]
    assert newest == [{name: item[name] for name in SHOWN} for item in latest[:20]]


def test_each_field_can_be_asked_for_alone(store: Engine, app: Starlette):
    client = store.client()
    whole = violations.biggest(client, Filters(), 5, None, FIELDS)["items"]
    assert any(item["original_policy"] for item in whole)
    for name in FIELDS:
        alone = violations.biggest(client, Filters(), 5, None, (name,))["items"]
        assert alone == [{name: item[name]} for item in whole]
