"""`days` has what `violations` have, and says from which day on."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from processor import relabel
from processor.tidy import tidy
from schema.clickhouse import Engine, open_chdb
from schema.migrate import apply, migrate
from schema.migration_files import formed
from schema.noise_files import parsed
from schema.sites import Sites
from schema.violation import Violation
from tests.support.noise import ODD_PAGES
from tests.support.store import START, elsewhere, empty, insert, merge, put, violation

DAY = 86400
SUMS = "effective_directive, noise, verdict, sum(reports), round(sum(left_out), 6)"


def sums(client: Client, table: str, day: str, where: str = "") -> set[tuple]:
    asked = f"SELECT toString(site), toDate({day}), {SUMS} FROM {table} {where} GROUP BY ALL HAVING sum(reports) != 0"
    return set(client.query(asked).result_rows)


def since(client: Client) -> date:
    return client.query("SELECT max(since) FROM days_since").result_rows[0][0]


def today() -> date:
    return datetime.now(UTC).date()


def migrated_to_the_day_after_tomorrow(client: Client) -> bool:
    began = today()
    assert "0015_days.sql" in migrate(client, 90)
    return since(client) - timedelta(days=2) in {began, today()}  # it may be midnight


def varied(seed: int) -> list[Violation]:
    """Over nine days, many of them in a day's first or last window; some say that they were seen the day before."""
    luck = random.Random(seed)
    found = []
    for _ in range(300):
        number, day = luck.randrange(30), (START // DAY - luck.randrange(9)) * DAY
        host = ("odd.example", "fine.example")[number % 5 % 2]
        at = day + luck.choice([0, 59, 599, DAY - 600, DAY - 1, luck.randrange(DAY)])
        found.append(
            violation(
                number, at=at, first_seen=(at - luck.choice([0, 0, DAY])) * 1000,
                site=("shop", "blog")[number % 2], reports=luck.randrange(1, 9),
                effective_directive=("img-src", "script-src")[number % 4 // 2],
                verdict=("", "possible", "impossible")[number % 3], left_out=luck.randrange(4) / 2,
                blocked_host=host, blocked_url=f"https://{host}/{number}.js",
            )
        )  # fmt: skip
    return found


@pytest.fixture(params=[1, 2])
def filled(store: Engine, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = store.client()
    empty(client)
    found = varied(request.param)
    for start in range(0, len(found), 50):
        insert(client, found[start : start + 50], token=f"days-{request.param}-{start}")
    yield client
    empty(client)


def test_days_sum_to_what_violations_hold(filled: Client):
    held = sums(filled, "violations", "window")
    assert len(held) > 80
    assert sums(filled, "days", "day") == held
    merge(filled)
    assert sums(filled, "days", "day") == held


@pytest.mark.parametrize("tidied", [False, True])
def test_so_they_do_when_labels_have_moved(store: Engine, filled: Client, tidied: bool):
    list(relabel.relabel(store, Sites(None, parsed(ODD_PAGES, "test"))))
    if tidied:
        tidy(filled, None)
    held = sums(filled, "violations", "window")
    assert {noise for _, _, _, noise, *_ in held} == {"", "injected"}
    assert sums(filled, "days", "day") == held


@pytest.fixture
def client(store: Engine) -> Iterator[Client]:
    """A database of its own, without tables."""
    with store.client() as its:
        its.command("CREATE DATABASE of_days")
        its.database = "of_days"
        yield its
        its.command("DROP DATABASE of_days")


def before(client: Client) -> None:
    """The tables as they were before there were days."""
    apply(client, [its for its in formed(90) if its.number < 15])


def begun(client: Client, statements: int) -> None:
    """As a kill leaves it after so many statements of the migration."""
    before(client)
    [its] = [its for its in formed(90) if its.number == 15]
    for statement in its.statements[:statements]:
        client.command(statement)


def test_of_a_fresh_store_all_days_are_known(client: Client):
    migrate(client, 90)
    assert since(client) == date(1970, 1, 1)
    migrate(client, 90)
    assert since(client) == date(1970, 1, 1)


def test_of_a_store_of_before_those_are_known_that_begin_with_the_day_after_tomorrow(client: Client):
    before(client)
    insert(client, [violation(1, reports=7)])
    assert migrated_to_the_day_after_tomorrow(client)
    then = int(datetime(*since(client).timetuple()[:3], tzinfo=UTC).timestamp())
    insert(client, [violation(1, at=then, reports=5), violation(2, at=then + DAY - 1, reports=4)])
    known = sums(client, "violations", "window", f"WHERE toDate(window) >= '{since(client)}'")
    assert sums(client, "days", "day", f"WHERE day >= '{since(client)}'") == known
    assert {reports for *_, reports, _ in known} == {9}


def test_of_a_store_of_before_that_looks_empty_no_more_is_known(client: Client):
    """A batch may be on its way, into this host or another, that began before the view was there."""
    before(client)
    assert migrated_to_the_day_after_tomorrow(client)


@pytest.mark.parametrize("statements", range(5))
def test_where_a_kill_came_between_statements_no_day_is_known_too_soon(client: Client, statements: int):
    begun(client, statements)
    insert(client, [violation(1, reports=7)])  # by a processor of before, which goes on
    assert migrated_to_the_day_after_tomorrow(client)


def test_one_that_is_begun_again_days_later_knows_what_follows_the_last_try(client: Client):
    begun(client, 3)
    put(client, "days_since", ["since"], [[START // DAY - 3]])
    assert migrated_to_the_day_after_tomorrow(client)


def test_what_is_about_to_go_goes_from_days_when_it_goes_from_the_others(tmp_path: Path):
    """Else the totals would have fewer reports than the list of violations."""
    assert elsewhere(sums_of_the_last_hour, tmp_path) == dict.fromkeys(GOING, 30)


GOING = ("violations", "weeks", "minutes", "hours", "days")


def sums_of_the_last_hour(folder: Path) -> dict[str, int]:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        at = int(time.time()) - 90 * DAY + 3600
        insert(client, [violation(number, at=at, reports=10) for number in range(3)])
        merge(client)
        return {table: client.query(f"SELECT sum(reports) FROM {table}").result_rows[0][0] for table in GOING}
