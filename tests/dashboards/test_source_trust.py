"""What a source is worth, and which may raise an alert."""

from typing import Any

import pytest
from starlette.applications import Starlette

from dashboards import clients
from dashboards.app import build
from schema.clickhouse import Engine
from schema.source_trust import FLOOD
from schema.violation import LEAST_TRUST, Violation
from tests.support.asgi import ask
from tests.support.store import START, empty, insert, merge, put, violation

DAY = 86_400


@pytest.fixture
def app(store: Engine) -> Starlette:
    empty(store.client())
    return build(store, lambda: None, token=None)


def seen(host: str, number: int = 0, **fields: Any) -> Violation:
    """A report of `host`, the same violation for the same `number`."""
    of_host = {"blocked_host": host, "blocked_url": f"https://{host}/x.js", "browser_version": "156.0"}
    return violation(hash((host, number)) % 2**63, **(of_host | fields))


def made_up(many: int, **fields: Any) -> list[Violation]:
    return [seen(f"{turn:04x}f8b1c02d9e7a.example", at=START + turn % 600, **fields) for turn in range(many)]


def listed(app: Starlette, query: str = "limit=1000") -> dict[str, dict[str, Any]]:
    return {item["blocked"]: item for item in ask(app, f"/api/sources?{query}").json["items"]}


def worth(app: Starlette, host: str) -> tuple[int, list[str], bool]:
    item = listed(app)[host]
    return item["trust"], item["trust_reasons"], item["trusted"]


# What its reports are worth


def test_a_source_is_worth_what_its_reports_are_each_as_much_as_it_counts(store: Engine, app: Starlette):
    insert(store.client(), [
        seen("a.example", reports=9, trust=30, trust_reasons="impossible"), seen("a.example", 1, reports=1, trust=40),
        seen("b.example", trust=30, trust_reasons="origin-elsewhere agents-differ"),
        seen("c.example", reports=3, trust=100), seen("c.example", 1, reports=1, trust=60),
    ])  # fmt: skip
    assert worth(app, "a.example") == (31, ["impossible"], False)
    assert worth(app, "b.example") == (30, ["agents-differ", "origin-elsewhere"], False)
    assert worth(app, "c.example") == (90, [], True)


def test_forged_reports_take_nothing_from_a_source_that_has_sound_ones(store: Engine, app: Starlette):
    forged = [seen("a.example", turn, reports=1000, trust=10, trust_reasons="not-a-browser") for turn in range(20)]
    insert(store.client(), forged)
    assert worth(app, "a.example") == (10, ["not-a-browser"], False)
    insert(store.client(), [seen("a.example", 91)])
    assert worth(app, "a.example") == (100, [], True)


@pytest.mark.parametrize("query", ["limit=1000", "limit=1000&q=a"])
def test_forged_copies_of_a_real_violation_change_nothing_merged_or_not(store: Engine, app: Starlette, query: str):
    client = store.client()
    insert(client, [seen("a.example", reports=2, trust=90)])
    insert(client, [seen("a.example", reports=40, trust=10, trust_reasons="not-a-browser")])
    assert listed(app, query)["a.example"]["trust"] == 90
    merge(client)
    assert listed(app, query)["a.example"]["trust"] == 90


def test_many_reports_from_one_browser_page_and_window_look_like_one_sender(store: Engine, app: Starlette):
    insert(store.client(), [
        seen("one.example", reports=500), seen("few.example", reports=5), seen("pages.example", reports=500),
        seen("pages.example", 1, document_url="https://www.shop.example/other"), seen("times.example", reports=500),
        seen("times.example", 1, at=START + 600, reports=500, document_url=seen("times.example").document_url),
    ])  # fmt: skip
    assert worth(app, "one.example") == (80, ["one-sender"], True)
    for host in ("few.example", "pages.example", "times.example"):
        assert worth(app, host)[:2] == (100, [])


# Floods


def test_a_flood_of_made_up_hosts_is_worth_little_and_still_shown(store: Engine, app: Starlette):
    insert(store.client(), made_up(FLOOD))
    found = listed(app)
    assert len(found) == FLOOD
    assert {tuple(item["trust_reasons"]) for item in found.values()} == {("flood", "random-host")}
    assert max(item["trust"] for item in found.values()) < LEAST_TRUST
    assert listed(app, "trust=50") == {}
    merge(store.client())
    assert listed(app) == found


def test_a_host_of_words_in_a_flood_is_worth_believing(store: Engine, app: Starlette):
    insert(store.client(), [*made_up(FLOOD), seen("static.garden-furniture.example")])
    assert worth(app, "static.garden-furniture.example") == (60, ["flood"], True)


def test_fewer_than_a_flood_are_ordinary_days(store: Engine, app: Starlette):
    insert(store.client(), made_up(FLOOD - 1))
    assert {item["trust"] for item in listed(app).values()} == {100}


def test_a_flood_takes_nothing_from_established_and_from_widely_reported_sources(store: Engine, app: Starlette):
    others = {
        "before.example": [seen("before.example", at=START - DAY), seen("before.example")],
        "often.example": [seen("often.example", turn) for turn in range(5)],
        "widely.example": [seen("widely.example", turn, browser_version=f"{turn}.0") for turn in range(3)],
        "yesterday.example": [seen("yesterday.example", at=START - DAY)],
        "shop2.example": [seen("shop2.example", site="shop2")],
    }
    insert(store.client(), [*made_up(3 * FLOOD), *(row for rows in others.values() for row in rows)])
    for host in others:
        assert worth(app, host) == (100, [], True), host


def test_a_narrower_question_makes_no_established_source_one_of_the_flood(store: Engine, app: Starlette):
    insert(
        store.client(), [*made_up(FLOOD), seen("old.example", at=START - DAY), seen("old.example", 1, browser="Opera")]
    )
    for query in ("browser=Opera", "browser=Opera&site=shop", "q=old"):
        assert listed(app, query)["old.example"]["trust"] == 100


# The list


def walked(app: Starlette, query: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while cursor is not None:
        page = ask(app, f"/api/sources?{query}{cursor}").json
        found += page["items"]
        cursor = page["next"] and f"&cursor={page['next']}"
    return found


def test_trusted_sources_come_first_then_the_newest_and_each_once(store: Engine, app: Starlette):
    client = store.client()
    insert(client, [
        *made_up(FLOOD), *(seen(f"real{turn}.example", at=START - turn * DAY) for turn in range(1, 6)),
        *(seen(f"odd{turn}.example", at=START - 9 * DAY, trust=turn * 10, trust_reasons="odd") for turn in range(10)),
    ])  # fmt: skip
    put(client, "source_states", ["site", "effective_directive", "blocked", "state", "changed"],
        [["shop"], ["script-src-elem"], ["real2.example"], ["known"], [START * 1000]])  # fmt: skip
    whole = ask(app, "/api/sources?limit=1000").json["items"]
    keys = [(not item["trusted"], -_ms(item["first_seen"]), item["blocked"]) for item in whole]
    assert keys == sorted(keys)
    assert whole[0]["blocked"] == "real1.example"
    for limit in (1, 7, 100):
        assert walked(app, f"limit={limit}&trust=30") == [item for item in whole if item["trust"] >= 30]
    assert walked(app, "limit=7") == whole
    assert walked(app, "limit=3&state=new&trust=50") == [
        item for item in whole if item["trusted"] and item["state"] == "new"
    ]


def _ms(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_only_new_and_trusted_sources_may_raise_an_alert(store: Engine, app: Starlette):
    client = store.client()
    insert(client, [
        *made_up(FLOOD), seen("real.example", at=START - DAY), seen("known.example", at=START - DAY),
        seen("odd.example", at=START - DAY, trust=LEAST_TRUST - 1, trust_reasons="impossible"),
    ])  # fmt: skip
    put(client, "source_states", ["site", "effective_directive", "blocked", "state", "changed"],
        [["shop"], ["script-src-elem"], ["known.example"], ["known"], [START * 1000]])  # fmt: skip
    assert list(listed(app, f"state=new&trust={LEAST_TRUST}")) == ["real.example"]


@pytest.mark.parametrize("value", ["-1", "101", "x", ""])
def test_the_least_trust_is_a_number_from_0_to_100(app: Starlette, value: str):
    answer = ask(app, f"/api/sources?trust={value}")
    assert answer.status == 400
    assert "trust is a whole number from 0 to 100" in answer.json["detail"]


@pytest.mark.parametrize("reports", [1, 9], ids=["a flood", "too many reports each for one"])
def test_half_a_million_sources_with_long_names_take_no_more_memory_than_a_question_may(
    store: Engine, app: Starlette, monkeypatch: pytest.MonkeyPatch, reports: int
):
    """Half of the memory, for half of a million."""
    for limit in ("max_memory_usage", "max_bytes_before_external_group_by", "max_bytes_before_external_sort"):
        monkeypatch.setitem(clients.LIMITS, limit, int(clients.LIMITS[limit]) // 2)
    store.client().command(
        """
        INSERT INTO sources (site, effective_directive, blocked, blocked_kind, first_seen, last_seen, reports)
        SELECT 'shop', 'img-src', concat(toString(number), repeat('.of-a-long-name-of-a-host', 8), '.example'), 'url',
             toDateTime64({at:UInt32}, 3, 'UTC') AS first_seen, first_seen, {reports:Int64}
        FROM numbers(500000)
        """,
        parameters={"at": START, "reports": reports},
    )
    for path in ("/api/sources?limit=20", "/api/sources?state=known", "/sources", "/"):
        assert ask(app, path).status == 200, path
