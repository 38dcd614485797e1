"""What the panels of ClickHouse show is what was stored: each is asked, and compared with a count made here."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schema.clickhouse import Engine
from schema.violation import Violation
from tests.support.grafana import DASHBOARDS, Period, expanded, panels
from tests.support.history import history
from tests.support.store import START, empty, insert, put, violation

DAY = 86400
MONTH = Period(START - 25 * DAY + 1234, START + 3 * 3600 + 77, 6 * 3600)
PERIODS = {
    "a month": MONTH,
    "a month of a site": MONTH._replace(sites=("blog", "it's")),
    "a month, its weeks in a gap of the roll-ups": MONTH,
    "an hour and some": Period(START + 700, START + 4400, 60),
    "before everything": Period(START - 80 * DAY, START - 79 * DAY, 600),
}
GAPS = "a month, its weeks in a gap of the roll-ups"
SQL = {panel["title"]: panel["targets"][0]["rawSql"] for _, panel in panels("clickhouse")}


def stored() -> list[Violation]:
    """The known history; four weeks before it, with more of the same sources and some of their own; and corrections:
    what was the site's own doing is an extension's now.
    """
    rows = history()
    for number in range(300):
        rows.append(violation(
            1000 + number % 37, at=START - 28 * DAY + number * 8000, site=("shop", "blog", "it's")[number % 3],
            reports=1 + number % 5, effective_directive=("img-src", "font-src")[number % 2],
            blocked_host=f"host-{number % 11}.example", blocked_site=f"host-{number % 11}.example",
            document_url=f"https://shop.example/old/{number % 37}", browser=("", "Chrome")[number % 2],
            verdict=("consistent", "impossible", "")[number % 3], noise="injected" if number % 7 == 0 else "",
        ))  # fmt: skip
    corrected = [row for row in rows if row.noise == ""][::9]
    for row in corrected:
        fields = {name: getattr(row, name) for name in Violation.__struct_fields__}
        rows.append(Violation(**(fields | {"reports": -row.reports})))
        rows.append(Violation(**(fields | {"noise": "extension"})))
    return rows


ROWS = stored()


@pytest.fixture(scope="module")
def client(store: Engine) -> Iterator[Client]:
    client = store.client()
    empty(client)
    for start in range(0, len(ROWS), 100):
        insert(client, ROWS[start : start + 100])
    yield client
    empty(client)


@pytest.fixture(scope="module", params=PERIODS)
def period(request: pytest.FixtureRequest, client: Client) -> Iterator[Period]:
    if request.param == GAPS:
        monday = (START - 14 * DAY - 4 * DAY) // (7 * DAY) * 7 * DAY + 4 * DAY
        put(client, "rollup_gaps", ["week"], [[datetime.fromtimestamp(monday, UTC).date()]])
        for table, time in (("weeks", "week"), ("hours", "hour")):  # as if its rows had never come there
            client.command(f"ALTER TABLE {table} DELETE WHERE toMonday({time}) IN (SELECT week FROM rollup_gaps) "
                           "SETTINGS mutations_sync = 1")  # fmt: skip
    yield PERIODS[request.param]
    if request.param == GAPS:
        empty(client)
        insert(client, ROWS)


def minute(row: Violation) -> int:
    return min(max(row.first_seen // 60_000 * 60, row.window), row.window + 540)


def chosen(period: Period, at: Callable[[Violation], float]) -> list[Violation]:
    return [
        row for row in ROWS
        if period.start <= at(row) <= period.end and (period.sites is None or row.site in period.sites)
    ]  # fmt: skip


def by_minute(period: Period) -> list[Violation]:
    return chosen(period, minute)


def by_window(period: Period) -> list[Violation]:
    return chosen(period, lambda row: row.window)


def total(rows: list[Violation]) -> int:
    return sum(row.reports for row in rows)


def noise(rows: list[Violation]) -> int:
    return sum(row.reports for row in rows if row.noise)


def answer(client: Client, title: str, period: Period) -> list[tuple[Any, ...]]:
    return list(client.query(expanded(SQL[title], period)).result_rows)


def share(part: float, whole: float) -> float:
    return pytest.approx(part / whole if whole else 0)


def test_every_panel_of_clickhouse_is_in_this_test():
    assert set(SQL) == {*NUMBERS, *SERIES, *BIGGEST, "Noise share", "New sources over time", "Newest sources"}
    assert len(SQL) == len(list(panels("clickhouse"))) - 1  # "Noise share" is a number and a chart


NUMBERS = {
    "Reports": lambda period: total(by_minute(period)),
    "Impossible share": lambda period: share(
        sum(row.reports for row in by_window(period) if row.verdict == "impossible"), total(by_window(period))
    ),
    "New sources": lambda period: len(new_sources(period)),
}


@pytest.mark.parametrize("title", NUMBERS)
def test_a_number_is_the_count(client: Client, period: Period, title: str):
    assert answer(client, title, period) == [(NUMBERS[title](period),)]


def test_the_noise_share_is_of_all_reports(client: Client, period: Period):
    [sql] = [
        panel["targets"][0]["rawSql"]
        for _, panel in panels()
        if (panel["title"], panel["type"]) == ("Noise share", "stat")
    ]
    [[found]] = client.query(expanded(sql, period)).result_rows
    assert found == share(noise(by_minute(period)), total(by_minute(period)))


SERIES: dict[str, Callable[[Violation], str]] = {
    "Violations a minute": lambda row: "noise" if row.noise else "own",
    "By directive": lambda row: row.effective_directive,
    "By verdict": lambda row: row.verdict or "none",
}


@pytest.mark.parametrize("title", SERIES)
def test_a_chart_has_each_points_reports_a_minute(client: Client, period: Period, title: str):
    wanted: Counter[tuple[int, str]] = Counter()
    for row in by_minute(period):
        wanted[minute(row) // period.step * period.step, SERIES[title](row)] += row.reports
    found = answer(client, title, period)
    assert [row[:2] for row in found] == sorted(row[:2] for row in found)
    assert {(int(time.timestamp()), key): round(rate * period.step / 60, 6) for time, key, rate in found if rate} == {
        key: reports for key, reports in wanted.items() if reports
    }


def test_the_chart_of_the_noise_share_has_each_points(client: Client, period: Period):
    points = defaultdict(list)
    for row in by_minute(period):
        points[minute(row) // period.step * period.step].append(row)
    found = {int(time.timestamp()): value for time, value in answer(client, "Noise share", period)}
    assert found == {time: share(noise(rows), total(rows)) for time, rows in points.items() if total(rows)}


def keys_of(row: Violation) -> dict[str, str]:
    return {
        "Blocked hosts": row.blocked_host or row.blocked_kind,
        "Blocked sites": row.blocked_site or "(none)",
        "Pages": row.document_url,
        "Directives": row.effective_directive,
        "Browsers": row.browser or "(unknown)",
    }


BIGGEST = list(keys_of(violation()))


@pytest.mark.parametrize("title", BIGGEST)
def test_a_table_has_the_biggest_with_their_reports_noise_violations_and_pages(
    client: Client, period: Period, title: str
):
    groups = defaultdict(list)
    for row in by_window(period):
        groups[keys_of(row)[title]].append(row)
    wanted = [
        (key, total(rows), noise(rows), len({row.fingerprint for row in rows}), len({row.document_url for row in rows}))
        for key, rows in groups.items()
    ]
    assert answer(client, title, period) == sorted(wanted, key=lambda row: (-row[1], row[0]))[:20]


def new_sources(period: Period) -> list[tuple[Any, ...]]:
    groups = defaultdict(list)
    for row in ROWS:
        if period.sites is None or row.site in period.sites:
            groups[row.site, row.effective_directive, row.blocked_host or row.blocked_kind].append(row)
    found = []
    for key, rows in groups.items():
        first = min(row.first_seen for row in rows)
        if period.start * 1000 <= first <= period.end * 1000:
            last, pages = max(row.last_seen for row in rows), len({row.document_url for row in rows})
            found.append((*key, first, last, total(rows), noise(rows), pages))
    return sorted(found, key=lambda row: (-row[3], row[:3]))


def test_the_newest_sources_are_those_whose_first_report_is_in_the_period(client: Client, period: Period):
    found = [
        (*row[:3], round(row[3].timestamp() * 1000), round(row[4].timestamp() * 1000), *row[5:])
        for row in answer(client, "Newest sources", period)
    ]
    assert found == new_sources(period)[:50]


def test_new_sources_over_time_add_up_to_their_number(client: Client, period: Period):
    found = {int(time.timestamp()): count for time, count in answer(client, "New sources over time", period)}
    wanted = Counter(row[3] // 1000 // period.step * period.step for row in new_sources(period))
    assert found == wanted


def test_the_variable_site_has_every_site_that_reported(client: Client):
    for dashboard in ("overview", "offenders"):
        [its] = [its for its in DASHBOARDS[dashboard]["templating"]["list"] if its["name"] == "site"]
        assert client.query(its["query"]).result_rows == [("blog",), ("it's",), ("shop",)]
