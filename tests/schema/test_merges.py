"""Merges change no answer, and what views make of a row adds up to the row."""

import contextlib
import time
from collections.abc import Iterator

from clickhouse_connect.driver.client import Client

from schema.clickhouse import Engine
from schema.violation import Violation
from tests.support.store import START, empty, insert, merge, violation


def rows(client, sql: str):
    return client.query(sql).result_rows


SUMS = {
    "rows": "SELECT hex(fingerprint), window, noise, policy_hash, sum(reports), min(first_seen), max(last_seen),"
    " any(document_url), any(browser) FROM violations GROUP BY ALL ORDER BY ALL",
    "minutes": "SELECT minute, browser, noise, sum(reports) FROM minutes GROUP BY ALL ORDER BY ALL",
    "days": "SELECT day, effective_directive, noise, verdict, sum(reports) FROM days GROUP BY ALL ORDER BY ALL",
    "sources": "SELECT blocked, effective_directive, noise, min(first_seen), sum(reports), max(last_seen),"
    " uniqCombinedMerge(12)(pages), arraySort(groupUniqArrayArray(32)(browsers)) FROM sources"
    " GROUP BY ALL ORDER BY ALL",
    "words": "SELECT hex(fingerprint), sum(reports) FROM violations WHERE hasToken(lower(document_url), 'page')"
    " AND hasToken(lower(blocked_url), 'evil') AND hasToken(lower(source_file), 'app') GROUP BY ALL ORDER BY ALL",
    "policies": "SELECT policy_hash, any(original_policy), max(last_seen) FROM policies GROUP BY ALL ORDER BY ALL",
}


def test_sums_are_the_same_before_and_after_merges(store: Engine):
    client = store.client()
    empty(client)
    client.command("SYSTEM STOP MERGES")
    for batch in range(6):
        at = START + batch * 61
        insert(client, [_varied(number, at + number) for number in range(40)], token=f"{batch}")
    before = {name: rows(client, sql) for name, sql in SUMS.items()}
    client.command("SYSTEM START MERGES")
    merge(client)
    assert {name: rows(client, sql) for name, sql in SUMS.items()} == before
    assert sum(row[4] for row in before["rows"]) == 6 * sum(range(1, 41))
    assert sum(row[4] for row in before["sources"]) == 6 * sum(range(1, 41))
    assert len(before["words"]) == 40


def _varied(number: int, at: int) -> Violation:
    noise = "extension" if number % 7 == 3 else ""
    host = "cdn.evil.example" if number % 5 else ""
    browser = ("Chrome", "Firefox", "Safari")[number % 3]
    return violation(number, at=at, reports=number + 1, noise=noise, blocked_host=host, browser=browser)


def test_a_source_names_at_most_32_browsers_and_merges_them_exactly(store: Engine):
    client = store.client()
    empty(client)
    for half in range(2):
        insert(client, [violation(n, browser=f"Browser {n}") for n in range(half * 20, half * 20 + 20)])
    counted = "SELECT length(groupUniqArrayArray(32)(browsers)), uniqCombinedMerge(12)(pages) FROM sources"
    assert rows(client, counted) == [(32, 40)]
    merge(client)
    assert rows(client, counted) == [(32, 40)]


def test_a_minute_stays_inside_its_window(store: Engine):
    """An imported row may say what it likes; the series of a window still adds up to its total."""
    client = store.client()
    empty(client)
    for seen in (START - 5, START, START + 599, START + 600):
        insert(client, [violation(1, window=START, first_seen=seen * 1000)])
    minutes = rows(client, f"SELECT toUInt32(minute) - {START}, sum(reports) FROM minutes GROUP BY 1 ORDER BY 1")
    assert minutes == [(0, 2), (540, 2)]


@contextlib.contextmanager
def old_after(seconds: int, client: Client, tables: tuple[str, ...]) -> Iterator[None]:
    """Instead of the six hours of migration 0014."""
    quick = "merge_selecting_sleep_ms = 100, max_merge_selecting_sleep_ms = 100"
    try:
        for table in tables:
            client.command(f"ALTER TABLE {table} MODIFY SETTING min_age_to_force_merge_seconds = {seconds}, {quick}")
        yield
    finally:
        for table in tables:
            client.command(f"ALTER TABLE {table} MODIFY SETTING min_age_to_force_merge_seconds = 21600")
            client.command(f"ALTER TABLE {table} RESET SETTING merge_selecting_sleep_ms, max_merge_selecting_sleep_ms")


def parts(client: Client, tables: tuple[str, ...], most: int) -> dict[str, int]:
    """By table; once each has at most so many, or after a minute."""
    found = f"SELECT table, count() FROM system.parts WHERE active AND table IN {tables} GROUP BY table"
    deadline = time.monotonic() + 60
    while max(dict(rows(client, found)).values()) > most and time.monotonic() < deadline:
        time.sleep(0.1)
    return dict(rows(client, found))


def test_a_week_that_is_over_becomes_one_part(store: Engine):
    client = store.client()
    empty(client)
    tables = ("violations", "weeks", "minutes", "hours", "days")
    with old_after(1, client, tables):
        for number in range(3):
            insert(client, [violation(number, at=START - 14 * 86400)], token=f"{number}")
        assert parts(client, tables, 1) == dict.fromkeys(tables, 1)
    assert rows(client, "SELECT sum(reports) FROM violations") == [(3,)]


def test_of_this_week_the_roll_ups_are_merged_but_for_what_is_new(store: Engine):
    client = store.client()
    empty(client)
    tables = ("weeks", "hours", "days")
    with old_after(4, client, tables):
        for number, pause in enumerate((0, 0, 2)):
            time.sleep(pause)
            insert(client, [violation(number, at=int(time.time()))], token=f"{number}")
        assert parts(client, tables, 2) == dict.fromkeys(tables, 2)
