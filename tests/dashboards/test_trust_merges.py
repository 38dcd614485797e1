"""What is said of trust, whoever posts first and whatever the store has merged already."""

from typing import Any

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from dashboards.app import build
from processor import ranges
from schema.clickhouse import Engine
from schema.violation import Violation
from schema.written import written_ms
from tests.support.asgi import ask
from tests.support.store import START, empty, insert, merge, violation

JUDGED = ("trust", "trust_reasons", "signature", "environment")


@pytest.fixture
def app(store: Engine) -> Starlette:
    empty(store.client())
    return build(store, lambda: None, token=None)


REAL = violation(reports=1000, signature="valid", environment="production")
FORGED = violation(trust=10, trust_reasons="not-a-browser agents-differ", signature="missing")
EQUALS = [violation(trust=60, trust_reasons=reasons) for reasons in ("no-user-agent", "unknown-browser")]


def answers(app: Starlette, store: Engine) -> dict[str, Any]:
    [source] = ask(app, "/api/sources").json["items"]
    [listed] = ask(app, "/api/violations").json["items"]
    [exported] = ask(app, "/api/export?format=csv").text.splitlines()[1:]
    client = store.client()
    [stored] = [row for week, _ in ranges.weeks(client) for its in ranges.ranges(client, week)
                for row in ranges.stored(client, its)]  # fmt: skip
    return {"source": source, "listed": listed, "exported": exported, "stored": stored}


@pytest.mark.parametrize("first_comes", ["the forged one", "the real one"])
def test_a_forged_copy_takes_nothing_from_a_real_source_before_and_after_a_merge(
    store: Engine, app: Starlette, first_comes: str
):
    client = store.client()
    for row in (FORGED, REAL) if first_comes == "the forged one" else (REAL, FORGED):
        insert(client, [row])
    before = answers(app, store)
    merge(client)
    assert answers(app, store) == before
    source, listed, stored = before["source"], before["listed"], before["stored"]
    # A thousand from one browser look like one sender: that takes 20.
    assert (source["trust"], source["trust_reasons"], source["reports"]) == (80, ["one-sender"], 1001)
    assert [listed[name] for name in JUDGED] == [100, "", "valid", "production"]
    assert [getattr(stored, name) for name in JUDGED] == [100, "", "valid", "production"]


@pytest.mark.parametrize("rows", [EQUALS, EQUALS[::-1]])
def test_of_reports_worth_the_same_the_reasons_do_not_depend_on_who_was_first(
    store: Engine, app: Starlette, rows: list[Violation]
):
    client = store.client()
    for row in rows:
        insert(client, [row])
    before = answers(app, store)
    merge(client)
    assert answers(app, store) == before
    assert before["source"]["trust_reasons"] == ["unknown-browser"]


def test_of_a_source_that_is_partly_noise_only_the_rest_is_its_own(store: Engine, app: Starlette):
    """Asked of its violations; the table of sources can take away counts, and no times."""
    client = store.client()
    own = violation(1, at=START + 200, browser="Firefox", browser_version="140.0")
    moved = [
        violation(2, at=START + 60),
        violation(2, at=START + 400, trust=40, trust_reasons="impossible", window=START),
    ]
    insert(client, [own, *moved])
    for row in moved:
        insert(client, [replace(row, reports=-1), replace(row, noise="injected", noise_rule="odd")])
    for _ in ("cancelled", "merged"):
        [item] = ask(app, "/api/sources?noise=none&from=2000-01-01T00:00:00Z").json["items"]
        assert (item["reports"], item["pages"], item["browsers"], item["trust_reasons"]) == (1, 1, ["Firefox"], [])
        assert item["first_seen"] == item["last_seen"] == written_ms(own.first_seen)
        [known] = ask(app, "/api/sources?noise=none").json["items"]
        assert (known["reports"], known["pages"], known["trust"]) == (1, 1, 100)
        merge(client)
    [noise] = ask(app, "/api/sources?noise=only").json["items"]
    assert (noise["reports"], noise["browsers"], noise["trust"]) == (2, ["Chrome"], 100)


def test_a_re_labelling_takes_no_trust_from_what_is_left(store: Engine, app: Starlette):
    """It moves a key with its best report's trust, while each had come with its own."""
    client = store.client()
    for row in (
        *(violation(1, at=START + turn, trust=20, trust_reasons="impossible", window=START) for turn in range(10)),
        violation(1, at=START + 20, trust=100, window=START),
        violation(2, reports=8, trust=100),
    ):
        insert(client, [row])
    moved = violation(1, reports=11, trust=100, window=START)
    insert(client, [replace(moved, reports=-11), replace(moved, noise="injected", noise_rule="odd")])
    for question in ("noise=none", "noise=only"):
        for filters in (question, f"{question}&from=2000-01-01T00:00:00Z"):
            [item] = ask(app, f"/api/sources?{filters}").json["items"]
            assert (item["trust"], item["trusted"]) == (100, True), filters
    assert [item["reports"] for item in ask(app, "/api/sources?noise=none").json["items"]] == [8]
