"""Exports: every field, every row, in three formats; and nothing a spreadsheet would run."""

import csv
import io
import json
import re
from collections import Counter

import pyarrow.parquet
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from dashboards import export as exports
from dashboards import parquet
from dashboards.app import build
from dashboards.export import export
from dashboards.filters import Filters
from dashboards.rows import FIELDS
from dashboards.times import written
from processor.exported import exported
from schema.clickhouse import Engine
from schema.violation import Violation
from schema.written import written_ms
from tests.support.asgi import Answer, ask
from tests.support.history import history
from tests.support.store import START, empty, insert, merge, violation

FOLD = ("site", "window", "fingerprint", "policy_hash", "noise", "verdict")


def folded(rows: list[Violation]) -> dict[tuple, dict]:
    """What an export of `rows` holds, by its key, as NDJSON has it."""
    found: dict[tuple, dict] = {}
    for row in rows:
        written_row = {name: getattr(row, name) for name in FIELDS} | {
            "window": written(row.window), "fingerprint": row.fingerprint.hex(), "estimated": row.reports,
            "first_seen": written_ms(row.first_seen), "last_seen": written_ms(row.last_seen)}  # fmt: skip
        key = tuple(written_row[name] for name in FOLD)
        if key in found:
            first = found[key]
            written_row["reports"] += first["reports"]
            written_row["estimated"] += first["estimated"]
            written_row["first_seen"] = min(first["first_seen"], written_row["first_seen"])
            written_row["last_seen"] = max(first["last_seen"], written_row["last_seen"])
        found[key] = written_row
    return found


def by_key(rows: list[dict]) -> dict[tuple, dict]:
    assert len({tuple(row[name] for name in FOLD) for row in rows}) == len(rows)
    return {tuple(row[name] for name in FOLD): row for row in rows}


def test_ndjson_is_the_default_and_has_a_row_for_every_fold(app: Starlette):
    found = ask(app, "/api/export")
    assert found.headers["content-type"] == "application/x-ndjson"
    assert found.headers["content-disposition"] == 'attachment; filename="csp-violations.ndjson"'
    rows = [json.loads(line) for line in found.body.splitlines()]
    assert by_key(rows) == folded(history())
    assert list(rows[0]) == list(FIELDS)


def test_filters_hold(app: Starlette):
    rows = [json.loads(line) for line in ask(app, "/api/export?site=blog&q=evil&format=ndjson").body.splitlines()]
    assert by_key(rows) == folded(
        [row for row in history() if row.site == "blog" and row.blocked_host.endswith("evil.example")]
    )


def test_csv_has_the_same_rows(app: Starlette):
    found = ask(app, "/api/export?format=csv")
    assert found.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(found.text)))
    expected = {key: {name: str(value) for name, value in row.items()} for key, row in folded(history()).items()}
    assert by_key(rows) == expected


def test_parquet_has_the_same_rows_with_types(app: Starlette):
    found = ask(app, "/api/export?format=parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(found.body))
    assert table.column_names == list(FIELDS)
    assert str(table.schema.field("first_seen").type) == "timestamp[ms, tz=UTC]"
    rows = table.to_pylist()
    for row in rows:
        for name, form in (("window", written), ("first_seen", written_ms), ("last_seen", written_ms)):
            row[name] = form(round(row[name].timestamp() * (1000 if form is written_ms else 1)))
    assert by_key(rows) == folded(history())


def test_nothing_found_is_an_empty_file_of_its_kind(app: Starlette):
    assert ask(app, "/api/export?site=nobody").body == b""
    assert ask(app, "/api/export?site=nobody&format=csv").text.split(",")[0] == "site"
    assert len(ask(app, "/api/export?site=nobody&format=csv").text.splitlines()) == 1
    table = pyarrow.parquet.read_table(io.BytesIO(ask(app, "/api/export?site=nobody&format=parquet").body))
    assert table.num_rows == 0


NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '"',
    "a,b",
    "line\nbreak",
    "'",
    "é😀\u202e",
    "\\N",
    "\x00",
    "</script>",
]


@pytest.fixture
def nasty(store: Engine) -> Engine:
    client = store.client()
    empty(client)
    insert(client, [violation(n, sample=text, document_url=text, original_policy=text, policy_hash=f"{n:016x}")
                    for n, text in enumerate(NASTY)])  # fmt: skip
    return store


def test_a_cell_that_a_spreadsheet_would_run_becomes_a_text(nasty: Engine):
    text = b"".join(export(nasty.client(), Filters(), "csv")).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    samples = {int(row["fingerprint"], 16): row["sample"] for row in rows}
    for number, text in enumerate(NASTY):
        expected = f"'{text}" if text[0] in "=+-@\t\r" else text
        assert samples[number] == expected
    for row in rows:
        assert row["sample"] == row["document_url"] == row["original_policy"]


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_texts_come_back_as_they_are(nasty: Engine, form: str):
    found = b"".join(export(nasty.client(), Filters(), form))
    rows = (
        pyarrow.parquet.read_table(io.BytesIO(found)).to_pylist()
        if form == "parquet"
        else list(map(json.loads, found.splitlines()))
    )
    assert sorted(row["sample"] for row in rows) == sorted(NASTY)
    assert all(row["sample"] == row["original_policy"] for row in rows)


def test_an_export_is_exact_before_and_after_merges_and_over_many_blocks(
    store: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parquet, "GROUP_ROWS", 4000)
    client = store.client()
    empty(client)
    for turn in range(3):
        insert(client, [violation(n, at=START + n // 5000 * 600 + turn, reports=n % 3 + 1) for n in range(15_000)])
    expected = Counter({f"{n:032x}": 3 * (n % 3 + 1) for n in range(15_000)})
    for _ in range(2):
        rows = [json.loads(line) for line in b"".join(export(client, Filters(), "ndjson")).splitlines()]
        assert Counter({row["fingerprint"]: row["reports"] for row in rows}) == expected
        assert len(rows) == 15_000
        file = io.BytesIO(b"".join(export(client, Filters(), "parquet")))
        assert pyarrow.parquet.read_metadata(file).num_row_groups > 1
        assert sum(pyarrow.parquet.read_table(file).column("reports").to_pylist()) == expected.total()
        merge(client)


def test_a_stopped_export_gives_its_client_back(store: Engine):
    client = store.client()
    pieces = export(client, Filters(), "ndjson")
    next(pieces)
    pieces.close()
    assert client.query("SELECT 1").result_rows == [(1,)]


def test_an_export_read_back_gives_the_same_answers(store: Engine):
    client = store.client()
    empty(client)
    insert(client, history())
    console = build(store, lambda: None, token=None)
    questions = ("/api/totals", "/api/violations", "/api/top?by=policy_hash", "/api/series?step=600&by=browser",
                 "/api/sources")  # fmt: skip
    before = [ask(console, question).json for question in questions]
    lines = b"".join(export(client, Filters(), "ndjson")).splitlines()
    empty(client)
    insert(client, [exported(line) for line in lines])
    assert [ask(console, question).json for question in questions] == before


WEEK = 7 * 86400


def test_an_export_goes_through_the_weeks(store: Engine):
    client = store.client()
    empty(client)
    rows = [violation(n, at=START - n % 4 * WEEK, line_number=n) for n in range(40)]
    insert(client, rows)
    for form in ("ndjson", "csv"):
        lines = b"".join(export(client, Filters(), form)).decode().splitlines()
        assert len(lines) == len(set(lines)) == 40 + (form == "csv")
    file = io.BytesIO(b"".join(export(client, Filters(), "parquet")))
    assert sorted(pyarrow.parquet.read_table(file).column("line_number").to_pylist()) == list(range(40))


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_what_fails_before_the_first_byte_is_a_problem(app: Starlette, monkeypatch: pytest.MonkeyPatch, form: str):
    monkeypatch.setattr(exports, "_SQL", re.sub(r"max_memory_usage = \d+", "max_memory_usage = 1", exports._SQL))
    found = ask(app, f"/api/export?format={form}")
    assert found.status == 503
    assert found.headers["content-type"] == "application/problem+json"
    monkeypatch.undo()
    assert ask(app, f"/api/export?format={form}").status == 200


def asked(app: Starlette, target: str) -> tuple[Answer, bool]:
    """The answer, and whether it came to its end."""
    parts: list[Message] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(part: Message) -> None:
            parts.append(part)
            await send(part)

        await app(scope, receive, noted)

    return ask(watched, target), not parts[-1].get("more_body", False)


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_an_export_that_fails_on_its_way_never_ends(
    store: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, form: str
):
    """The server closes the connection of an answer without an end, which a client sees."""
    empty(store.client())
    insert(store.client(), [violation(1, at=START - WEEK), violation(2, line_number=13)])
    monkeypatch.setattr(parquet, "GROUP_ROWS", 1)
    broken = exports._SQL.replace("{where}", "{where} AND NOT throwIf(line_number = 13)")
    monkeypatch.setattr(exports, "_SQL", broken)
    console = build(store, lambda: None, token=None)
    found, ended = asked(console, f"/api/export?format={form}")
    assert found.status == 200
    assert found.body
    assert not ended
    assert [record.getMessage() for record in caplog.records] == [
        "an export was cut off: FUNCTION_THROW_IF_VALUE_IS_NON_ZERO (395)"
    ]
    monkeypatch.undo()
    assert asked(console, f"/api/export?format={form}")[1]
