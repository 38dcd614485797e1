"""A flood is a day on which a site got many thin sources: told from all rows of each, whatever is merged already."""

import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest

from schema.clickhouse import Engine
from schema.source_trust import FEW_REPORTS, FLOOD, floods
from tests.support.store import START, empty, put

DAY = 86_400


class Row(NamedTuple):
    site: str
    blocked: str
    first: int  # s
    last: int
    reports: int  # below 0 where another label took some


def made(luck: random.Random) -> list[Row]:
    """In one to three rows each, on one of two days; about as many are thin as a flood has, or fewer or more."""
    found = []
    for number in range(luck.choice([4, 5, 6, 7]) * FLOOD):
        site, day = luck.choice(["shop", "shop", "blog"]), START // DAY * DAY - luck.choice([0, 0, 0, DAY])
        for _ in range(luck.choice([1, 1, 2, 3])):
            first = day + luck.randrange(DAY) - luck.choice([0] * 12 + [DAY])
            last = max(first, day + luck.randrange(DAY))
            reports = luck.choice([1, 1, 2, 5, 9, -4, -8])
            found.append(Row(site, f"host{number}.example", first, last, reports))
    luck.shuffle(found)
    return found


def expected(rows: list[Row], site: str) -> set[tuple[str, date]]:
    sources = defaultdict(list)
    for row in rows:
        sources[row.site, row.blocked].append(row)
    days: Counter[tuple[str, date]] = Counter()
    for (its, _), of in sources.items():
        first, last = min(row.first for row in of) // DAY, max(row.last for row in of) // DAY
        if its.startswith(site) and first == last and sum(row.reports for row in of) < FEW_REPORTS:
            days[its, datetime.fromtimestamp(first * DAY, UTC).date()] += 1
    return {key for key, many in days.items() if many >= FLOOD}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("site", ["", "shop"])
def test_floods_are_those_of_all_rows_before_and_after_a_merge(store: Engine, seed: int, site: str):
    client = store.client()
    empty(client)
    rows = made(random.Random(seed))
    client.command("SYSTEM STOP MERGES")
    try:
        for start in range(0, len(rows), 400):
            some = rows[start : start + 400]
            columns = [[row.site for row in some], ["img-src"] * len(some), [row.blocked for row in some],
                       [row.first * 1000 for row in some], [row.last * 1000 for row in some],
                       [row.reports for row in some]]  # fmt: skip
            put(client, "sources", ["site", "effective_directive", "blocked", "first_seen", "last_seen", "reports"],
                columns)  # fmt: skip
        for _ in range(2):
            found = floods(client, site)
            assert set(zip(found.flooded, found.on, strict=True)) == expected(rows, site)
            client.command("SYSTEM START MERGES")
            client.command("OPTIMIZE TABLE sources FINAL")
    finally:
        client.command("SYSTEM START MERGES")
