"""Estimates: what stored reports stand for, in totals, violations and exports, through weeks and re-labelling."""

import json

import pytest

from dashboards.app import build
from processor import relabel
from processor.exported import exported
from schema.clickhouse import Engine
from schema.noise_files import parsed
from schema.sites import Sites
from tests.support.asgi import ask
from tests.support.store import START, account, empty, insert, merge, violation

RULES = """
version = "2030-01-01"
[[rule]]
id = "evil"
category = "injected"
reason = "A rule of the test."
host = "cdn.evil.example"
"""


@pytest.fixture(scope="module")
def app(store: Engine):
    client = store.client()
    empty(client)
    month_ago = START - 28 * 86400
    insert(client, [violation(1, reports=3, left_out=27.0), violation(2, reports=5)])
    insert(client, [violation(1, at=month_ago, reports=2, left_out=4.25), violation(3, at=month_ago, reports=1)])
    account(client, [("shop", START, "received", "", 50), ("shop", START, "stored", "", 8),
                     ("shop", START, "sampled", "", 12), ("shop", START, "sampled", "rate-limit", 30)])  # fmt: skip
    return build(store, lambda: None, token=None)


def test_totals_say_what_is_stored_and_what_there_was(app):
    found = ask(app, "/api/totals").json
    assert (found["reports"], found["estimated"], found["limited"]) == (11, 42, 30)
    assert ask(app, "/api/totals?directive=img-src").json["estimated"] == 0


def test_each_violation_has_its_own_estimate(app):
    items = ask(app, "/api/violations").json["items"]
    found = {its["fingerprint"][-1]: (its["reports"], its["estimated"]) for its in items}
    assert found == {"1": (5, 36), "2": (5, 5), "3": (1, 1)}
    one = ask(app, f"/api/violations/{1:032x}").json
    assert (one["reports"], one["estimated"]) == (5, 36)


def test_the_console_shows_an_estimate_where_it_differs(app):
    assert "≈ 36 in all" in ask(app, f"/violations/{1:032x}?from=2020-01-01T00:00:00Z").text
    assert "≈" not in ask(app, f"/violations/{2:032x}?from=2020-01-01T00:00:00Z").text
    assert ask(app, "/violations?from=2020-01-01T00:00:00Z").text.count("in all") == 2
    assert "≈ 42 in all" in ask(app, "/?from=2020-01-01T00:00:00Z").text


def test_an_export_brings_estimates_back(app):
    lines = ask(app, "/api/export?format=ndjson").body.splitlines()
    found = sorted((json.loads(line)["reports"], json.loads(line)["estimated"]) for line in lines)
    assert found == [(1, 1), (2, 6.25), (3, 30), (5, 5)]
    assert sorted(exported(line).left_out for line in lines) == [0, 0, 4.25, 27]
    older = json.loads(lines[0])
    del older["estimated"]
    assert exported(json.dumps(older).encode()).left_out == 0
    with pytest.raises(ValueError, match="estimated is out of range"):
        exported(json.dumps(older | {"estimated": -1}).encode())


def test_estimates_go_with_their_reports_when_labels_change(app, store: Engine):
    for _ in relabel.relabel(store, Sites(None, parsed(RULES, "test"))):
        pass
    for _ in range(2):
        found = ask(app, "/api/totals?noise=only").json
        assert (found["reports"], found["estimated"]) == (11, 42)
        assert ask(app, "/api/totals?noise=none").json["estimated"] == 0
        merge(store.client())
