"""Roll-ups change no answer: whatever is asked is what the rows themselves say, one by one."""

import random
from typing import Any

import pytest
from starlette.applications import Starlette

from dashboards import relations, shares
from dashboards.app import build
from dashboards.filters import Filters
from dashboards.times import written
from schema.clickhouse import Engine
from schema.migration_files import migrations
from schema.violation import Violation
from tests.support.asgi import ask
from tests.support.store import START, account, empty, insert, label_again, merge, put, violation

WEEK = 7 * 86400
MONDAY = (START - 4 * 86400) // WEEK * WEEK + 4 * 86400
HOSTS = ("cdn.a.example", "cdn.b.example", "")


def made(luck: random.Random) -> list[Violation]:
    """Over five weeks, the same violations again and again; some windows right at the begin and the end of a week."""
    found = []
    for _ in range(400):
        number = luck.randrange(40)
        week = MONDAY - luck.randrange(5) * WEEK
        at = week + luck.choice([0, 599, WEEK - 600, WEEK - 1, luck.randrange(WEEK)])
        found.append(
            violation(
                number, at=min(at, START), site=("shop", "blog")[number % 2], blocked_host=HOSTS[number % 3],
                effective_directive=("img-src", "script-src")[number % 4 // 2],
                noise=luck.choice(["", "", "extension"]), reports=luck.randrange(1, 9),
                policy_hash=f"{luck.randrange(2):016x}", verdict=("", "consistent", "impossible")[number % 3],
            )
        )  # fmt: skip
    return found


@pytest.fixture(scope="module", params=[1, 2])
def rows(store: Engine, request: pytest.FixtureRequest) -> list[Violation]:
    client = store.client()
    empty(client)
    luck = random.Random(request.param)
    found = made(luck)
    for start in range(0, len(found), 50):
        insert(client, found[start : start + 50], token=f"{request.param}-{start}")
    moved = [row for row in found if row.noise == "extension" and int.from_bytes(row.fingerprint) % 5 == 0]
    for place, row in enumerate(moved):  # another label, as `noise apply` gives it
        label_again(client, row, "injected", f"{request.param}-moved-{place}")
        row.noise = "injected"
    # In some windows only, as where the rules change while reports come in.
    own = [row for row in found if row.noise == "" and int.from_bytes(row.fingerprint) % 3 == 0 and row.window % 1200]
    for place, row in enumerate(own):
        label_again(client, row, "foreign", f"{request.param}-own-{place}")
        row.noise = "foreign"
    lines = [(row.site, row.first_seen // 60_000 * 60, outcome, "", row.reports) for row in found
             for outcome in ("received", "stored")]  # fmt: skip
    account(client, lines)
    if request.param == 2:
        merge(client)
        put(client, "rollup_gaps", ["week"], [[(MONDAY - WEEK) // 86400]])
    return found


PERIODS = [
    (None, None), (MONDAY - 4 * WEEK, None), (MONDAY - 3 * WEEK, MONDAY), (None, MONDAY - WEEK),
    (MONDAY - 3 * WEEK - 600, MONDAY + 600), (MONDAY - 3 * WEEK + 600, MONDAY - 600), (MONDAY - 600, MONDAY),
    (START - 86400, START), (MONDAY - 3 * WEEK + 86400, MONDAY - 2 * WEEK + 5 * 86400),
]  # fmt: skip
SELECTS = {
    "": lambda row: True,
    "site=shop": lambda row: row.site == "shop",
    "noise=none": lambda row: row.noise == "",
    "noise=only&directive=img-src": lambda row: row.noise != "" and row.effective_directive == "img-src",
    "verdict=impossible": lambda row: row.verdict == "impossible",
    "blocked_host=cdn.a.example": lambda row: row.blocked_host == "cdn.a.example",
    "q=page": lambda row: True,
}


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("query", SELECTS)
def test_answers_are_those_of_the_rows(store: Engine, rows: list[Violation], period: tuple, query: str):
    app = build(store, lambda: 0.0, token=None)
    start, end = period
    its = [
        row for row in rows
        if SELECTS[query](row) and (start is None or row.window >= start) and (end is None or row.window < end)
    ]  # fmt: skip
    times = [f"from={written(start)}" if start else "", f"to={written(end)}" if end else ""]
    filters = "&".join(part for part in (query, *times) if part)
    by_print: dict[str, int] = {}
    for row in its:
        by_print[row.fingerprint.hex()] = by_print.get(row.fingerprint.hex(), 0) + row.reports
    totals = ask(app, f"/api/totals?{filters}").json
    assert (totals["reports"], totals["violations"]) == (sum(by_print.values()), len(by_print))
    items = ask(app, f"/api/violations?{filters}").json["items"]
    assert {item["fingerprint"]: item["reports"] for item in items} == by_print
    for item in items:
        own = [row for row in its if row.fingerprint.hex() == item["fingerprint"]]
        assert item["window"] == written(min(row.window for row in own))
    _top_and_series(app, filters, its)


def _top_and_series(app: Starlette, filters: str, its: list[Violation]) -> None:
    for by, name in (("blocked_host", "blocked_host"), ("directive", "effective_directive"), ("noise", "noise")):
        expected: dict[str, tuple[int, set[bytes]]] = {}
        for row in its:
            reports, prints = expected.get(getattr(row, name), (0, set()))
            expected[getattr(row, name)] = (reports + row.reports, prints | {row.fingerprint})
        found = ask(app, f"/api/top?by={by}&{filters}").json["items"]
        assert {item["key"]: (item["reports"], item["violations"]) for item in found} == {
            key: (reports, len(prints)) for key, (reports, prints) in expected.items()
        }
    series = ask(app, f"/api/series?step=3600&by=noise&{filters}").json["items"]
    hours: dict[tuple[str, str], int] = {}
    for row in its:
        key = (written(row.window // 3600 * 3600), row.noise)
        hours[key] = hours.get(key, 0) + row.reports
    assert {(item["time"], item["key"]): item["reports"] for item in series} == hours


def shared(rows: list[Violation], name: str) -> dict[str, tuple[int, int]]:
    """Reports and violations, by what the rows have under `name`."""
    found: dict[str, list[Violation]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return {key: (sum(row.reports for row in its), len({row.fingerprint for row in its})) for key, its in found.items()}


def of(items: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    return {item["key"]: (item["reports"], item["violations"]) for item in items}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("period", PERIODS)
def test_shares_are_those_of_the_rows_whether_days_are_known_or_not(
    store: Engine, rows: list[Violation], period: tuple, known: bool
):
    client = store.client()
    if not known:
        put(client, "days_since", ["since"], [[START // 86400 + 2]])
    start, end = period
    try:
        found = shares.with_hosts(client, Filters(start=start, end=end), 8)
    finally:
        client.command("TRUNCATE TABLE days_since")
    its = [row for row in rows if (start is None or row.window >= start) and (end is None or row.window < end)]
    assert of(found.directives) == shared(its, "effective_directive")
    assert of(found.hosts) == shared(its, "blocked_host")
    assert found.violations == len({row.fingerprint for row in its})
    assert found.counted.reports == sum(row.reports for row in its)
    assert {key: count.reports for key, count in found.labels.noise.items()} == {
        key: reports for key, (reports, _) in shared(its, "noise").items()
    }
    assert {key: count.reports for key, count in found.labels.verdicts.items()} == {
        key: reports for key, (reports, _) in shared(its, "verdict").items()
    }


def test_violations_of_directives_and_hosts_that_are_none_of_the_biggest_count_for_the_whole(
    store: Engine, rows: list[Violation]
):
    found = shares.with_hosts(store.client(), Filters(), 1)
    assert [len(found.directives), len(found.hosts)] == [1, 1]
    assert found.violations == len({row.fingerprint for row in rows})
    assert found.counted.reports == sum(row.reports for row in rows)


def test_a_ledger_that_does_not_balance_is_told_from_its_hours(store: Engine):
    client = store.client()
    empty(client)
    account(client, [("shop", START, "received", "", 5), ("shop", START, "stored", "", 4)])
    app = build(store, lambda: 0.0, token=None)
    assert ask(app, "/api/ledger").json["balanced"] is False
    account(client, [("shop", START + 60, "received", "", 4), ("shop", START + 60, "stored", "", 5)])
    assert ask(app, "/api/ledger").json["balanced"] is False  # one minute doesn't make up for another


def test_a_week_that_the_roll_ups_lack_comes_whole_from_the_fine_rows(store: Engine):
    client = store.client()
    empty(client)
    insert(client, [violation(1, reports=3)])
    client.command("TRUNCATE TABLE weeks")
    put(client, "rollup_gaps", ["week"], [[MONDAY // 86400]])
    app = build(store, lambda: 0.0, token=None)
    [item] = ask(app, "/api/violations").json["items"]
    assert (item["reports"], item["document_url"]) == (3, violation(1).document_url)
    [group] = ask(app, "/api/groups").json["items"]
    assert (group["reports"], group["document_template"]) == (3, violation(1).document_template)


def test_a_group_is_hashed_by_the_store_as_by_the_questions():
    [text] = [text for _, name, text in migrations() if name == "0009_rollups.sql"]
    assert text.count(f"{relations.GROUP_ID} AS group_id") == 2


def test_a_forgetting_that_was_killed_half_way_leaves_no_violation_where_its_windows_have_gone(store: Engine):
    """What it took out has no reports any more, and is still in the week's first and last window."""
    client = store.client()
    empty(client)
    first, last = MONDAY - 2 * WEEK + 86400, MONDAY - 2 * WEEK + 3 * 86400
    insert(client, [violation(1, at=at, reports=5) for at in (first, last)] + [violation(2, at=last, reports=1)])
    insert(client, [violation(1, at=last, reports=-5)])
    put(client, "noise_moves", ["batch", "rows", "done"], [["forget-1"], ["[]"], [1]])
    app = build(store, lambda: 0.0, token=None)
    period = f"from={written(last - 86400)}&to={written(MONDAY)}"
    assert ask(app, f"/api/totals?{period}").json["violations"] == 1
    merge(client)
    assert ask(app, f"/api/totals?{period}").json["violations"] == 1
    client.command("TRUNCATE TABLE noise_moves")


def test_a_violation_that_lost_its_label_in_some_windows_is_not_counted_there(store: Engine):
    """They are still in the first and last window of the week's row, also when another label has taken them on."""
    client = store.client()
    empty(client)
    first, last = MONDAY - 2 * WEEK + 86400, MONDAY - 2 * WEEK + 3 * 86400
    its = [violation(1, at=first), violation(1, at=last), violation(2, at=last)]
    insert(client, its)
    app = build(store, lambda: 0.0, token=None)
    period = f"noise=none&from={written(last - 86400)}&to={written(MONDAY)}"
    assert ask(app, f"/api/totals?{period}").json["violations"] == 2
    label_again(client, its[1], "extension", "once")
    assert ask(app, f"/api/totals?{period}").json["violations"] == 1
    merge(client)
    assert ask(app, f"/api/totals?{period}").json["violations"] == 1


def test_a_label_is_asked_of_weeks_alone_until_one_of_its_ends_is_labelled_again(store: Engine):
    client = store.client()
    empty(client)
    one, other = violation(1, at=MONDAY - 2 * WEEK), violation(1, at=MONDAY - WEEK)
    insert(client, [one, other])
    end_of_other = Filters(noise="none", start=MONDAY - 2 * WEEK, end=MONDAY - WEEK + 86400)
    assert "FROM violations" not in relations.seen(client, end_of_other).rows
    label_again(client, one, "extension", "whole")
    assert "FROM violations" not in relations.seen(client, end_of_other).rows
    label_again(client, other, "extension", "end")
    assert "FROM violations" in relations.seen(client, end_of_other).rows
