"""Estimates: what stored reports stand for, in totals, violations and exports, through weeks and re-labelling."""

import json

import pytest

from dashboards import counts
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
    account(client, [("shop", START, "received", "", 57), ("shop", START, "stored", "", 8),
                     ("shop", START, "sampled", "", 12), ("shop", START, "sampled", "rate-limit", 30),
                     ("blog", START, "sampled", "none-stored", 7)])  # fmt: skip
    return build(store, lambda: None, token=None)


def test_totals_say_what_is_stored_and_what_there_was(app):
    found = ask(app, "/api/totals").json
    assert (found["reports"], found["estimated"], found["limited"], found["unestimated"]) == (11, 42, 30, 7)
    assert ask(app, "/api/totals?site=shop").json["unestimated"] == 0
    assert ask(app, "/api/totals?directive=img-src").json["estimated"] == 0


def test_each_violation_has_its_own_estimate(app):
    items = ask(app, "/api/violations").json["items"]
    found = {its["fingerprint"][-1]: (its["reports"], its["estimated"]) for its in items}
    assert found == {"1": (5, 36), "2": (5, 5), "3": (1, 1)}
    one = ask(app, f"/api/violations/{1:032x}").json
    assert (one["reports"], one["estimated"]) == (5, 36)


@pytest.mark.parametrize("by", list(counts.BY))
def test_what_there_is_most_of_has_estimates_that_add_up(app, by):
    items = ask(app, f"/api/top?by={by}").json["items"]
    assert (sum(its["reports"] for its in items), sum(its["estimated"] for its in items)) == (11, 42)


# Minutes, hours, and the windows, where URLs decide.
@pytest.mark.parametrize("asked", ["step=60", "step=86400", "step=3600", "by=browser", "by=noise&step=3600", "q=page"])
def test_series_have_estimates_that_add_up(app, asked):
    items = ask(app, f"/api/series?{asked}").json["items"]
    assert [(its["reports"], its["estimated"]) for its in items] == [(3, 7), (8, 35)]


@pytest.mark.parametrize("asked", ["", "from=2020-01-01T00:00:00Z", "browser=chrome"])
def test_a_source_has_an_estimate_of_all_times_and_of_a_period(app, asked):
    [source] = ask(app, f"/api/sources?{asked}").json["items"]
    assert (source["reports"], source["estimated"]) == (11, 42)


def test_groups_policies_and_browsers_have_estimates(app):
    def of(items):
        return [(its["reports"], its["estimated"]) for its in items]

    groups, [policy] = (ask(app, f"/api/{path}").json["items"] for path in ("groups", "policies"))
    one = ask(app, f"/api/policies/{policy['policy_hash']}").json
    assert of(groups) == [(11, 42)]
    assert of([policy]) == of(one["sites"]) == of(one["blocks"]) == [(11, 42)]
    violation = ask(app, f"/api/violations/{1:032x}").json
    assert of(violation["browsers"]) == of(violation["policies"]) == [(5, 36)]
    assert of(violation["series"]["items"]) == [(2, 6), (3, 30)]


def test_a_batch_that_is_inserted_again_adds_nothing_to_estimates(store: Engine):
    """Also to those of the tables that views fill."""
    client = store.client()
    rows = [violation(50 + number, site="again", reports=2, left_out=0.5) for number in range(4)]
    for _ in range(2):
        insert(client, rows, token="again")
    found = [client.query(f"SELECT sum(reports), sum(left_out) FROM {table} WHERE site = 'again'").result_rows
             for table in ("violations", "weeks", "minutes", "hours", "days", "sources")]  # fmt: skip
    for table in ("violations", "weeks", "minutes", "hours", "days", "sources"):
        client.command(f"DELETE FROM {table} WHERE site = 'again'")
    assert found == [[(8, 2.0)]] * 6


EVER = "from=2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "page", [f"/violations?{EVER}", f"/violations?sort=grouped&{EVER}", "/sources", "/policies", "/sites", f"/?{EVER}"]
)
def test_each_list_of_the_console_shows_estimates(app, page):
    assert "≈" in ask(app, page).text


def test_a_chart_shows_what_was_left_out_on_top_of_what_is_stored(app):
    shown = ask(app, f"/violations?{EVER}").text
    assert "left out, estimated" in shown
    assert "left out, estimated" not in ask(app, f"/violations/{2:032x}?{EVER}").text


def test_the_console_says_what_no_estimate_has(app):
    assert "7 of the sampled are in no estimate" in ask(app, f"/?{EVER}").text
    assert "in no estimate" not in ask(app, f"/?{EVER}&site=shop").text


def test_the_console_shows_an_estimate_where_it_differs(app):
    assert "≈ 36 in all" in ask(app, f"/violations/{1:032x}?from=2020-01-01T00:00:00Z").text
    other = ask(app, f"/violations/{2:032x}?from=2020-01-01T00:00:00Z").text
    assert other.count("≈") == 1  # the same source elsewhere
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
        series = ask(app, "/api/series?by=noise&step=60").json["items"]
        assert [(its["key"], its["reports"], its["estimated"]) for its in series] == [
            ("injected", 3, 7), ("injected", 8, 35),
        ]  # fmt: skip
        assert [its["estimated"] for its in ask(app, "/api/sources?noise=only").json["items"]] == [42]
        merge(store.client())
