"""Every question of the console is answered by a roll-up or by what its index chooses: none reads a whole fine table.

A full scan is a plan that reads all granules of `violations`, `minutes` or `ledger` where there is a month of them. It
is asked of ClickHouse itself, of each question as it is sent. What the roll-ups don't know is asked of a week.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from starlette.applications import Starlette

from dashboards import clients, counts, series
from dashboards.app import build
from dashboards.times import written
from loadtest import rows
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.grafana import Period, expanded, panels
from tests.support.store import START, empty


def _with(path: str, parameters: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{parameters}"


UNTIL = START // 600 * 600
FINE = ("violations", "minutes", "ledger")
ROLLUPS = ("weeks", "days", "hours", "ledger_hours", "sources")
MONTH, WEEK, DAY = (f"from={written(UNTIL - days * 86400)}" for days in (30, 7, 1))
PATHS = (
    "/", "/violations", "/violations?sort=biggest", "/violations?sort=grouped",
    "/api/totals", "/api/violations", "/api/groups",
    "/api/series?by=noise",
    "/api/top?by=blocked_host", "/api/top?by=directive", "/api/top?by=document_template", "/api/sources",
)  # fmt: skip
FILTERS = ("noise=all", "site=site-01", "directive=img-src", "noise=none", "q=products", MONTH,
           f"{MONTH}&site=site-02&noise=none", DAY)  # fmt: skip
# What the roll-ups of hours and days don't know: a chart of all there is reads all minutes then, one of a week a week.
BY_ROWS = (
    "verdict=impossible", "browser=Chrome", "disposition=report", "blocked_kind=url", "document_host=www.shop.example",
    "blocked_host=cdn.tracker-0.example", "document_template=https://www.shop.example/", "blocked_template=x",
)  # fmt: skip
OTHERS = (
    "/sources", "/sources?site=site-01", "/sources?q=tracker", "/sites", "/policies", "/policies?site=site-01",
    "/rejects", "/alerts", "/system", "/api/ledger", f"/api/ledger?{DAY}", "/api/policies", "/api/rejects",
    "/api/alerts", "/api/sources?noise=none", f"/api/export?{DAY}", f"/api/export?{DAY}&format=csv",
    *(f"/api/series?by={by}&{WEEK}" for by in series.BY), *(f"/api/top?by={by}&{WEEK}" for by in counts.BY),
)  # fmt: skip
TARGETS = [
    *(_with(path, its) for path in PATHS for its in FILTERS),
    *(_with(path, f"{its}&{WEEK}") for path in PATHS for its in BY_ROWS),
    *OTHERS,
]
# A chart of what URLs choose comes from the windows: as many are read as the words' index leaves, and a common word
# leaves all.
SCANS = {
    "/api/series?by=noise&q=products", "/?q=products", "/violations?q=products", "/violations?sort=biggest&q=products",
    "/violations?sort=grouped&q=products",
}  # fmt: skip

GRAFANA = {panel["title"]: panel["targets"][0]["rawSql"] for _, panel in panels("clickhouse")}


class Asked(list[tuple[str, dict[str, Any]]]):
    """The questions of one answer."""


@pytest.fixture(scope="module")
def app(store: Engine) -> Iterator[Starlette]:
    client = store.client()
    empty(client)
    # In windows of some rows: enough that a month is many granules of each table.
    rows.fill(client, rows.Size(rows.WINDOWS * 40, 8000), UNTIL)
    for table in ("violations", "minutes", "weeks", "hours", "days", "ledger_hours"):
        client.command(f"OPTIMIZE TABLE {table} FINAL")
    yield build(store, lambda: 0.0, token=None)
    empty(client)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    query = Client.query

    def listening(self: Client, sql: str, parameters: Any = None, **how: Any) -> Any:
        found.append((sql, parameters or {}))
        return query(self, sql, parameters=parameters, **how)

    monkeypatch.setattr(Client, "query", listening)
    return found


def plan_of(client: Client, sql: str, values: dict[str, Any]) -> dict[str, Any]:
    plan = client.query(f"EXPLAIN indexes = 1, json = 1 {sql}", parameters=values).result_rows
    text = "".join(row[0] for row in plan)
    if not text.startswith("["):  # a fingerprint in it is no UTF-8, and then the driver gives hexadecimal digits
        text = bytes.fromhex(text).decode(errors="replace")
    [top] = json.loads(text, strict=False)
    found: dict[str, Any] = top["Plan"]
    return found


def full_scans(client: Client, sql: str, values: dict[str, Any]) -> list[str]:
    """The fine tables of which all granules are read."""
    plan = plan_of(client, sql, values)
    return [name for name, chosen, all_ in _reads(plan) if name in FINE and chosen == all_ > 1]


def _index_names(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Table, and an index that it is read by."""
    for index in node.get("Indexes", []):
        yield node["Description"].rpartition(".")[2], index.get("Name", "")
    for below in node.get("Plans", []):
        yield from _index_names(below)


def _reads(node: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Table, granules read and granules there are."""
    if node["Node Type"] == "ReadFromMergeTree":
        indexes = node.get("Indexes", [])
        table = node["Description"].rpartition(".")[2]
        if not indexes:
            yield table, 2, 2
        else:
            yield table, indexes[-1]["Selected Granules"], indexes[0]["Initial Granules"]
    for below in node.get("Plans", []):
        yield from _reads(below)


_FROM = re.compile(rf"\bFROM (?:{'|'.join(FINE + ROLLUPS)})\b")


def scanned(store: Engine, app: Starlette, asked: Asked, target: str) -> list[str]:
    answer = ask(app, target)
    assert answer.status == 200, answer
    client = store.client(clients.LIMITS)
    questions = [(sql, values) for sql, values in asked if _FROM.search(sql)]
    assert asked
    return [f"{table}: {sql}" for sql, values in questions for table in full_scans(client, sql, values)]


@pytest.mark.parametrize("target", [target for target in TARGETS if target not in SCANS])
def test_a_question_reads_a_roll_up_or_what_an_index_chooses(store: Engine, app: Starlette, asked: Asked, target: str):
    assert scanned(store, app, asked, target) == []


@pytest.mark.parametrize("title", GRAFANA)
def test_a_panel_of_grafana_reads_a_roll_up_or_what_an_index_chooses(store: Engine, app: Starlette, title: str):
    client = store.client(clients.LIMITS)
    for days, step in ((1, 600), (7, 3600), (30, 6 * 3600)):
        if title != "By verdict" or days < 30:  # only minutes know verdicts at a moment
            period = Period(UNTIL - days * 86400, UNTIL, step)
            assert full_scans(client, expanded(GRAFANA[title], period), {}) == []


def test_one_violation_is_found_by_its_key(store: Engine, app: Starlette, asked: Asked):
    biggest = ask(app, "/api/violations?limit=1").json["items"][0]["fingerprint"]
    asked.clear()
    assert scanned(store, app, asked, f"/violations/{biggest}") == []


def test_a_question_that_scans_is_told(store: Engine, app: Starlette, asked: Asked, monkeypatch: pytest.MonkeyPatch):
    """The test is worth something: without the roll-up the list scans."""
    monkeypatch.setattr("dashboards.relations._whole", lambda _filters, _rollup: (1, 0))
    told = scanned(store, app, asked, f"/violations?sort=biggest&{MONTH}")
    assert any(one.startswith("violations: ") for one in told)
    assert any(one.startswith("ledger: ") for one in told)


def test_sums_of_a_month_are_asked_of_days_and_its_violations_of_whole_weeks(
    store: Engine, app: Starlette, asked: Asked
):
    ask(app, f"/api/totals?{MONTH}")
    client = store.client(clients.LIMITS)
    assert any("FROM days " in sql for sql, _ in asked)
    [(counted, values)] = [(sql, values) for sql, values in asked if "GROUP BY id" in sql]
    assert {name for name, *_ in _reads(plan_of(client, counted, values))} == {"weeks"}


@pytest.mark.parametrize("path", ["/api/violations", "/api/groups", "/api/totals", "/api/series"])
def test_words_are_looked_up_in_their_index(store: Engine, app: Starlette, asked: Asked, path: str):
    ask(app, f"{path}?q=products+new&from={written(UNTIL - 9 * 86400)}")
    client = store.client()
    plans = [plan_of(client, sql, values) for sql, values in [*asked] if "hasToken" in sql]
    assert plans
    for plan in plans:
        tables = {table for table, _, _ in _reads(plan)} & {"violations", "weeks"}
        assert {table for table, name in _index_names(plan) if name == "url_words"} == tables


def test_a_word_that_nothing_has_reads_nothing(store: Engine, app: Starlette, asked: Asked):
    ask(app, f"/api/violations?q=nowhere&{MONTH}")
    client = store.client()
    [reads, *_] = [list(_reads(plan_of(client, sql, values))) for sql, values in [*asked] if "hasToken" in sql]
    assert {(table, chosen) for table, chosen, _ in reads if table in {"violations", "weeks"}} == {
        ("violations", 0), ("weeks", 0),
    }  # fmt: skip
