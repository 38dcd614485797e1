"""Labelling again what is stored: no report is lost or counted twice, in any table, whatever is going on beside it."""

import random
import time
from collections import Counter

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards import counts, groups, series, sources, violations
from dashboards.filters import Filters
from dashboards.rows import FIELDS
from processor import batches as writing
from processor import ranges, relabel
from processor.tidy import tidy
from schema.clickhouse import Engine
from schema.noise_files import parsed
from schema.sites import Sites
from tests.support.noise import ODD_PAGES
from tests.support.store import START, empty, insert, merge, violation

RULES = f"""
{ODD_PAGES}
[[rule]]
id = "old-inline"
category = "browser"
reason = "Another."
blocked_kinds = ["inline"]
"""
SITES = Sites(None, parsed(RULES, "test"))
NONE = Sites(None, parsed(RULES.replace("odd.example", "x.example").replace('"inline"', '"eval"'), "test"))
EVERY = Filters()


def rows(seed: int = 1, count: int = 400) -> list:
    """All without noise, on two sites, over a few windows on both sides of a Monday."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        number = chance.randrange(40)
        host = ("odd.example", "fine.example")[number % 2]
        kind = "inline" if number % 5 == 0 else "url"
        made.append(violation(
            number, at=START + chance.randrange(6) * 86400 * 1 - 5 * 86400 + chance.randrange(1800),
            site=("shop", "blog")[number % 3 == 0], reports=chance.randrange(1, 9),
            blocked_kind=kind, blocked_host="" if kind == "inline" else host,
            blocked_url=kind if kind == "inline" else f"https://{host}/{number}.js",
            sample=f"s{number}", noise_version="2026-11-25",
        ))  # fmt: skip
    return made


@pytest.fixture
def client(store: Engine):
    made = store.client()
    empty(made)
    return made


def apply(store: Engine, sites: Sites = SITES, *, tidied: bool = True) -> relabel.Step:
    *_, last = relabel.relabel(store, sites)
    if tidied:
        tidy(store.client(), None)
    return last


def by_label(client, table: str = "violations") -> dict:
    query = f"SELECT noise, sum(reports) AS n FROM {table} GROUP BY noise HAVING n != 0"
    return dict(client.query(query).result_rows)


def wanted(made: list) -> Counter:
    found: Counter = Counter()
    for row in made:
        label = "injected" if row.blocked_host == "odd.example" else "browser" if row.blocked_kind == "inline" else ""
        found[label] += row.reports
    return found


def seen(client) -> dict:
    """All that the read API says that must not depend on whether it is tidied up."""
    listed = violations.biggest(client, EVERY, 1000, None, FIELDS)["items"]
    own = violations.biggest(client, Filters(noise="none"), 1000, None, FIELDS)["items"]
    return {
        "totals": [counts.totals(client, Filters(noise=noise), None) for noise in ("all", "none", "only")],
        "labels": {item["fingerprint"]: (item["noise"], item["noise_rule"], item["reports"]) for item in listed},
        "own": [item["fingerprint"] for item in own],
        "newest": violations.newest(client, Filters(noise="none"), 1000, None, FIELDS),
        "top": counts.top(client, EVERY, "noise", 100)["items"],
        "sources": sources.sources(client, Filters(noise="none"), "", 1000, None)["items"],
        "series": series.over_time(client, EVERY, "noise", 60)["items"],
    }


def check(client, made: list) -> None:
    """Against what was put in, in every table."""
    want = dict(wanted(made))
    assert by_label(client) == by_label(client, "minutes") == by_label(client, "sources") == want
    assert by_label(client, "days") == want
    assert (
        client.query("SELECT count() FROM (SELECT sum(reports) n FROM minutes GROUP BY ALL HAVING n < 0)").result_rows[
            0
        ][0]
        == 0
    )
    found = client.query(
        "SELECT w, sum(n) FROM (SELECT site s, toUnixTimestamp(toStartOfInterval(minute, INTERVAL 600 SECOND)) w,"
        " sum(reports) n FROM minutes GROUP BY s, w) GROUP BY w"
    ).result_rows
    by_window = Counter()
    for row in made:
        by_window[row.window] += row.reports
    assert dict(found) == by_window


@pytest.mark.parametrize("tidied", [False, True])
@pytest.mark.parametrize("merged", [False, True])
def test_labels_move_in_every_table_and_no_report_is_lost(store, client, tidied, merged):
    made = rows()
    for start in range(0, len(made), 50):
        insert(client, made[start : start + 50])
    if merged:
        merge(client)
    step = apply(store, tidied=tidied)
    check(client, made)
    assert step.moved == sum(reports for label, reports in wanted(made).items() if label)
    assert dict(step.changes) == {
        ("", "odd-pages"): wanted(made)["injected"],
        ("", "old-inline"): wanted(made)["browser"],
    }


def test_what_is_seen_is_the_same_before_and_after_the_tidying(store, client):
    insert(client, rows())
    apply(store, tidied=False)
    before = seen(client)
    tidy(client, None)
    assert seen(client) == before
    assert {label for label, *_ in before["labels"].values()} == {"", "injected", "browser"}
    left = client.query("SELECT count() FROM violations WHERE reports <= 0").result_rows[0][0]
    assert left == 0


def test_of_what_is_partly_noise_the_rest_alone_is_seen(store, client):
    """A group of two violations, one of which a rule takes; and one violation of which it takes the later part."""
    site = Sites(None, parsed(RULES.replace("blocked_kinds", 'browser = "Chrome"\nbelow = 100\nblocked_kinds'), "test"))
    of_group = {"document_template": "/t", "blocked_template": "inline", "blocked_kind": "inline", "blocked_host": ""}
    early, late = START + 60, START + 7200
    insert(client, [
        violation(1, at=early, browser_version="120.0", **of_group),
        violation(1, at=late, browser_version="90.0", policy_hash="b" * 16, **of_group),
        violation(2, at=early - 700, browser_version="90.0", **of_group),
        violation(3, at=early + 600, browser_version="120.0"),
    ])  # fmt: skip
    apply(store, site, tidied=False)
    own = Filters(noise="none")

    def said() -> dict:
        listed = groups.biggest(client, own, 10, None)["items"]
        one = violations.one(client, own, f"{1:032x}")
        return {
            "groups": {item["document_template"]: (item["violations"], item["pages"], item["first_seen"][-10:-5],
                                                   item["last_seen"][-10:-5]) for item in listed},
            "newest": [item["fingerprint"][-1] for item in violations.newest(client, own, 10, None, FIELDS)["items"]],
            "policies": [(policy["policy_hash"][-2:], policy["reports"]) for policy in one["policies"]],
        }  # fmt: skip

    before = said()
    assert before == {
        "groups": {"/t": (1, 1, "31:00", "31:00"), "": (1, 1, "41:00", "41:00")},
        "newest": ["3", "1"],
        "policies": [("aa", 1)],
    }
    tidy(client, None)
    assert said() == before


def test_a_second_time_changes_nothing(store, client):
    insert(client, rows())
    apply(store, tidied=False)
    before = seen(client)
    again = apply(store, tidied=False)
    assert (again.moved, again.changes) == (0, Counter())
    assert seen(client) == before


def test_labels_go_back_and_forth_as_often_as_rules_do(store, client):
    made = rows()
    insert(client, made)
    before = seen(client)
    for _ in range(3):
        apply(store)
        check(client, made)
        apply(store, NONE)
        assert by_label(client) == by_label(client, "minutes") == {"": sum(row.reports for row in made)}
    after = seen(client)
    assert after["totals"] == before["totals"]
    assert after["labels"] == before["labels"]


def test_first_and_last_seen_go_with_the_label(store, client):
    odd = {"blocked_host": "odd.example", "blocked_url": "https://odd.example/"}
    insert(client, [violation(2, at=START + 61.5, **odd), violation(2, at=START + 300.25, **odd)])
    apply(store, tidied=False)
    [item] = violations.biggest(client, EVERY, 10, None, FIELDS)["items"]
    first, last = item["first_seen"][-10:], item["last_seen"][-10:]
    assert (first, last, item["noise"]) == ("31:01.500Z", "35:00.250Z", "injected")


def test_a_rule_that_is_only_called_otherwise_is_renamed(store, client):
    insert(client, rows())
    apply(store)
    renamed = Sites(None, parsed(RULES.replace("odd-pages", "odder-pages").replace("2030-01-01", "2030-01-02"), "test"))
    renamed_reports = by_label(client)["injected"]
    for tidied, moved in ((False, renamed_reports), (True, 0)):
        step = apply(store, renamed, tidied=tidied)
        assert step.moved == moved  # as `noise test` counts: its label is another
        assert dict(step.changes) == ({("odd-pages", "odder-pages"): moved} if moved else {})
        items = violations.biggest(client, Filters(noise="only"), 1000, None, FIELDS)["items"]
        assert {item["noise_rule"] for item in items} == {"odder-pages", "old-inline"}
    assert {item["noise_version"].partition("+")[0] for item in items} == {"2030-01-01", "2030-01-02"}


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize(("older", "newer"), [("9", "10"), ("2030-01-02", "2030-01-01")])
def test_of_several_corrections_the_last_counts_whatever_its_version_is_called(store, client, older, newer, merged):
    odd = {"blocked_host": "odd.example", "blocked_url": "https://odd.example/"}
    insert(client, [violation(noise="injected", noise_rule="odd-pages", noise_version="1", **odd)])
    for name, version in (("first-name", older), ("second-name", newer)):
        sites = Sites(None, parsed(RULES.replace("odd-pages", name).replace("2030-01-01", version), "test"))
        assert apply(store, sites, tidied=False).changes
        if merged:
            merge(client)
        [item] = violations.biggest(client, EVERY, 10, None, FIELDS)["items"]
        assert (item["noise_rule"], item["noise_version"].partition("+")[0]) == (name, version)
    assert not apply(store, sites, tidied=False).changes


def test_a_window_of_many_violations_is_taken_in_pieces(store, client, monkeypatch):
    monkeypatch.setattr(ranges, "PIECE", 7)
    made = rows()
    insert(client, made)
    apply(store)
    check(client, made)


def test_long_texts_make_pieces_and_batches_of_few_rows(store, client, monkeypatch):
    """As a flood of the longest URLs does: what is held and written down at once is bounded in bytes."""
    monkeypatch.setattr(ranges, "BYTES", 100_000)
    made = [violation(number, at=START + number % 600, blocked_host="odd.example", reports=3,
                      blocked_url=f"https://odd.example/{'x' * 8000}{number}") for number in range(100)]  # fmt: skip
    for number, row in enumerate(made):
        row.fingerprint = (number * 650).to_bytes(2, "big") + row.fingerprint[2:]
    insert(client, made)
    batches = []
    insert_ = writing._insert
    monkeypatch.setattr(writing, "_insert", lambda *asked: (batches.append(asked[1]), insert_(*asked)))
    apply(store)
    check(client, made)
    assert max(sum(len(row.blocked_url) for row in batch) for batch in batches) < 130_000
    [week] = [week for week, _ in ranges.weeks(client)]
    pieces = [ranges.stored(client, its) for its in ranges.ranges(client, week)]
    assert sum(map(len, pieces)) == 100
    assert max(map(len, pieces)) <= 14


def test_others_may_insert_while_a_refused_batch_waits(store, client, monkeypatch):
    insert(client, rows(count=20))
    insert_, held = writing._insert, []

    def refused(*asked):
        if not held:
            raise ClickHouseError("refused")
        insert_(*asked)

    monkeypatch.setattr(writing, "_insert", refused)
    monkeypatch.setattr(writing.time, "sleep", lambda _seconds: held.append(store.inserting.locked()))
    apply(store)
    assert held[0] is False


def test_a_batch_that_was_given_up_is_completed_in_the_same_process(store, client, monkeypatch):
    """Later its token would be forgotten, and what is in some of the tables would go in twice."""
    monkeypatch.setattr(writing, "_PAUSES", ())
    monkeypatch.setattr(writing, "_AGAIN", 0.2)
    made = rows()
    insert(client, made)
    insert_, tries = writing._insert, []

    def refused(*asked):
        tries.append(asked)
        if len(tries) < 3:
            raise ClickHouseError("refused")
        insert_(*asked)

    monkeypatch.setattr(writing, "_insert", refused)
    with pytest.raises(ClickHouseError):
        apply(store)
    ends = time.monotonic() + 30
    while client.query(writing._UNFINISHED).result_rows and time.monotonic() < ends:
        time.sleep(0.1)
    assert not client.query(writing._UNFINISHED).result_rows
    apply(store)
    check(client, made)


def test_live_inserts_beside_it_are_neither_lost_nor_moved_twice(store, client, monkeypatch):
    """They come between what a piece reads and what it inserts, under the old label."""
    monkeypatch.setattr(ranges, "PIECE", 20)
    made = rows(1)
    insert(client, made)
    late = rows(2, 100)
    stored = ranges.stored

    def meanwhile(asked, its):
        found = stored(asked, its)
        if late:
            row = late.pop()
            made.append(row)
            insert(store.client(), [row])
        return found

    monkeypatch.setattr(ranges, "stored", meanwhile)
    apply(store, tidied=False)
    monkeypatch.setattr(ranges, "stored", stored)
    assert sum(by_label(client).values()) == sum(row.reports for row in made)
    assert len(late) < 100
    apply(store)  # what came late has its label now
    check(client, made)


@pytest.mark.parametrize("after", ["noted", "violations", "minutes"])
def test_what_was_stopped_inside_a_batch_is_completed(store, client, monkeypatch, after):
    """As a kill would: the batch is written down, and some of its tables have it."""
    made = rows()
    insert(client, made)
    insert_ = writing._insert
    views = {
        "violations": ["minutes_of_violations", "sources_of_violations"],
        "minutes": ["sources_of_violations"],
        "noted": [],
    }[after]

    class Killed(Exception):
        pass

    def killed(asked, its, token):
        for view in views:
            asked.command(f"DETACH TABLE {view}")
        try:
            if after != "noted":
                insert_(asked, its, token)
        finally:
            for view in views:
                asked.command(f"ATTACH TABLE {view}")
        raise Killed

    monkeypatch.setattr(writing, "_insert", killed)
    with pytest.raises(Killed):
        apply(store)
    monkeypatch.setattr(writing, "_insert", insert_)
    writing.finish(client)
    assert by_label(client) == by_label(client, "minutes") == by_label(client, "sources")
    assert sum(by_label(client).values()) == sum(row.reports for row in made)
    writing.finish(client)  # nothing is left to do
    apply(store)
    check(client, made)
