"""Inserting a batch into a real store: once, however often it is tried."""

import asyncio
import json
from threading import Lock

import pytest

from processor.fold import fold
from processor.write import TABLE_COLUMNS, Writer, columns_of
from schema.delivery import Delivery, Kind
from schema.inserts import InProcess
from schema.sites import Sites
from tests.support.store import empty, violation

START = 1_795_000_200_000
POLICY = "default-src 'self'"


@pytest.fixture
def client(store):
    client = store.client()
    empty(client)
    return client


def delivery(page: int, *, received: int = 0, **fields: object) -> Delivery:
    body = {"document-uri": f"https://shop.example/{page}", "original-policy": POLICY, "blocked-uri": "data", **fields}
    return Delivery(START + received, "shop", Kind.REPORTS, 1, b"agent", json.dumps({"csp-report": body}).encode())


async def still_ours() -> None:
    """Nobody else is there."""


def put(into, folded, token: str) -> None:
    """By a writer; a client gets a new one, as after a crash."""
    writer = into if isinstance(into, Writer) else Writer(InProcess(into), Lock())
    asyncio.run(writer.insert(folded, token, still_ours))


def one(client, sql: str) -> object:
    return client.query(sql).result_rows[0][0]


def test_a_repeated_batch_counts_once_in_every_table(client):
    refused = Delivery(START, "shop", Kind.REFUSAL, 1, b"", b"x", "not-json")
    folded = fold([*(delivery(n) for n in range(5)), refused], (), Sites())
    for _ in range(3):
        put(client, folded, "batch-1")  # a new one each time, as after a crash
    assert one(client, "SELECT sum(reports) FROM violations") == 5
    assert one(client, "SELECT sum(reports) FROM minutes") == 5
    assert one(client, "SELECT sum(reports) FROM sources") == 5
    assert one(client, "SELECT sum(reports) FROM ledger WHERE outcome = 'received'") == 6
    assert one(client, "SELECT count() FROM rejects") == 1
    assert one(client, "SELECT count() FROM policies") == 1
    assert one(client, "SELECT count() FROM examples") == 5


def test_an_insert_that_was_cut_short_between_tables_is_completed(client):
    folded = fold([delivery(n) for n in range(5)], (), Sites())
    ledger_only = fold([delivery(n) for n in range(5)], (), Sites())
    ledger_only.rows.clear()
    put(client, ledger_only, "batch-2")
    put(client, folded, "batch-2")
    assert one(client, "SELECT sum(reports) FROM violations") == 5
    assert one(client, "SELECT sum(reports) FROM ledger WHERE outcome = 'stored'") == 5


def test_batches_of_equal_reports_add_up(client):
    writer = Writer(InProcess(client), Lock())
    for number in range(4):
        put(writer, fold([delivery(1, received=number)], (), Sites()), f"batch-{number}")
    client.command("OPTIMIZE TABLE violations FINAL")
    assert client.query("SELECT sum(reports), count() FROM violations").result_rows == [(4, 1)]


def test_a_batch_that_spans_weeks_is_inserted_whole(client):
    week = 7 * 24 * 3600 * 1000
    put(client, fold([delivery(n, received=-n * week) for n in range(3)], (), Sites()), "weeks")
    assert one(client, "SELECT sum(reports) FROM violations") == 3
    assert one(client, "SELECT sum(reports) FROM ledger WHERE outcome = 'stored'") == 3


def test_a_policy_is_written_once_however_many_reports_carry_it(client):
    writer = Writer(InProcess(client), Lock())
    for number in range(5):
        put(writer, fold([delivery(number)], (), Sites()), f"policy-{number}")
    assert one(client, "SELECT count() FROM policies") == 1
    assert one(client, "SELECT any(original_policy) FROM policies") == POLICY


def test_a_flood_of_new_violations_keeps_a_bounded_number_of_examples(client, monkeypatch):
    monkeypatch.setattr("processor.write.EXAMPLES", 20)
    put(client, fold([delivery(n) for n in range(50)], (), Sites()), "flood")
    assert one(client, "SELECT count() FROM examples") == 20
    assert one(client, "SELECT sum(reports) FROM violations") == 50


def test_hostile_texts_come_back_as_they_were_normalised(client):
    sample = "'); DROP TABLE violations; -- <script>\\' \u202e \U0001f4a9 \x01"
    put(client, fold([delivery(1, **{"script-sample": sample})], (), Sites()), "hostile")
    assert one(client, "SELECT any(sample) FROM violations") == sample


def test_columns_hold_what_the_rows_hold():
    for some in (0, 1, 64, 130):
        rows = [violation(number) for number in range(some)]
        assert columns_of(rows) == [[getattr(row, name) for row in rows] for name in TABLE_COLUMNS]
