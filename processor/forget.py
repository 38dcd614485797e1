"""Forgetting what is stored of a site or of URLs: rows go, and the counts they are part of get smaller.

A kill in the middle leaves some of it there, and nothing wrong: what was taken out of the counts adds up to none, so a
second time there is nothing to take. The ledger stays: it says how many reports there were, not what they said.

Others go on inserting. No row of a URL goes before its reports are out of the counts; what comes and comes stays.
"""

import json
from collections.abc import Generator, Iterator
from hashlib import blake2b
from typing import Any

from clickhouse_connect.driver.client import Client

from processor import moves, ranges
from processor.batches import SETTINGS, completed, finish, insert_once, note_gone
from processor.ranges import Only
from processor.tidy import tidy
from schema.forgetting import OF_URLS, Wanted, held, orphans
from schema.mutations import Held, drop_old_parts, gone
from schema.noise_moves import FORGOTTEN
from schema.server import Server
from schema.store import Store, wait_for_batch
from schema.violation import Violation

_PASSES = 3  # over what has come in meanwhile
_COUNTED = ("violations", "weeks")
_COUNTS = ("minutes", "hours", "days", "sources")


def found(client: Client, wanted: Wanted) -> dict[str, int]:
    """Rows by table. Raises ClickHouseError."""
    rows: dict[str, int] = {}
    for its in held(client, wanted):
        name = f"{its.table}, only its {its.clears}" if its.clears else its.table
        rows[name] = rows.get(name, 0) + its.rows
    return rows


def forget(store: Store, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Steps; the last has "done", and how many reports came in meanwhile and are "left".

    Raises ClickHouseError, MutationFails.
    """
    client = store.client(SETTINGS)
    try:
        with store.moving:
            yield from _forget(store, client, wanted)
    finally:
        client.close()


def _forget(store: Store, client: Client, wanted: Wanted) -> Iterator[dict[str, Any]]:
    place = store.place if isinstance(store, Server) else None
    finish(client)
    first = going = held(client, wanted)
    yield {"rows": sum(its.rows for its in first)}
    left = 0
    if wanted.urls or wanted.beginnings:
        with completed(store):
            left = yield from _out_of_counts(store, client, wanted)
        # With the rows that took it out, and what was written down of them.
        going = [its for its in held(client, wanted) if not left or its.clears or its.table not in _COUNTED]
    yield from _gone(client, store, going)
    lone = orphans(client)
    yield from _gone(client, store, lone)
    if not left:
        note_gone(client, _name(wanted))
    tables = sorted({its.table for its in (*first, *going, *lone)} | ({*_COUNTS} if going else set()))
    clean = place is None and (not tables or drop_old_parts(client, tables))
    yield {"done": True, "clean": clean, "left": left}


def _gone(client: Client, store: Store, going: list[Held]) -> Iterator[dict[str, Any]]:
    for parts in gone(client, going, store.place if isinstance(store, Server) else None):
        yield {"parts": parts}


def _name(wanted: Wanted) -> str:
    """Of its batches; the same when it is asked again, because it was killed."""
    its = json.dumps((wanted.site, sorted(wanted.urls), sorted(wanted.beginnings)))
    return f"{FORGOTTEN}{blake2b(its.encode(), digest_size=8).hexdigest()}-"


def _out_of_counts(store: Store, client: Client, wanted: Wanted) -> Generator[dict[str, Any], None, int]:
    """By rows that cancel what is stored, as a re-labelling moves counts: the tables of the charts follow.

    Returns how many reports there are again after the last pass, which took some out.
    """
    here = "site = {site:String} AND " if wanted.site else ""
    values = {name: value for name, value in wanted.values.items() if name in ("urls", "beginnings")}
    only = Only(f"{here}({OF_URLS})", values | ({"site": wanted.site} if wanted.site else {}))
    taken = 0
    for _ in range(_PASSES):
        before = taken
        for rows in _cancelling(store, client, only):
            for batch in moves.batches(rows, ranges.BYTES):
                insert_once(client, batch, _name(wanted), store.inserting)
            taken -= sum(row.reports for row in rows)
            yield {"reports": taken}
        tidy(client, store.place if isinstance(store, Server) else None)
        if taken == before:
            return 0
    return ranges.reports(client, only)


def _cancelling(store: Store, client: Client, only: Only) -> Iterator[list[Violation]]:
    """A piece at a time."""
    for week, _ in ranges.weeks(client, only):
        for its in ranges.ranges(client, week, only):
            stored = ranges.stored(client, its, only)
            wait_for_batch(store)
            minutes = ranges.minutes(client, its)
            yield [row for one in stored for row in moves.cancelled(one, minutes.get(moves.group_of(one), {}))]
