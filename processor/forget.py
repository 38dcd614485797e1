"""Forgetting what is stored of a site or of URLs: rows go, and the counts they are part of get smaller.

A kill in the middle leaves some of it there, and nothing wrong: what was taken out of the counts adds up to none, so a
second time there is nothing to take. The ledger stays: it says how many reports there were, not what they said.
"""

import json
from collections.abc import Iterator
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

_COUNTS = ("minutes", "hours", "days", "sources")


def found(client: Client, wanted: Wanted) -> dict[str, int]:
    """Rows by table. Raises ClickHouseError."""
    rows: dict[str, int] = {}
    for its in held(client, wanted):
        name = f"{its.table}, only its {its.clears}" if its.clears else its.table
        rows[name] = rows.get(name, 0) + its.rows
    return rows


def forget(store: Store, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Steps; the last has "done". Raises ClickHouseError, MutationFails."""
    place = store.place if isinstance(store, Server) else None
    client = store.client(SETTINGS)
    try:
        finish(client)
        first = going = held(client, wanted)
        yield {"rows": sum(its.rows for its in first)}
        if wanted.urls or wanted.beginnings:
            with completed(store):
                yield from _out_of_counts(store, client, wanted)
            tidy(client, place)
            # The rows that took it out, and what was written down of them.
            going = held(client, wanted)
        yield from _gone(client, store, going)
        left = orphans(client)
        yield from _gone(client, store, left)
        note_gone(client, _name(wanted))
        tables = sorted({its.table for its in (*first, *going, *left)} | ({*_COUNTS} if going else set()))
        clean = place is None and (not tables or drop_old_parts(client, tables))
        yield {"done": True, "clean": clean}
    finally:
        client.close()


def _gone(client: Client, store: Store, going: list[Held]) -> Iterator[dict[str, Any]]:
    for parts in gone(client, going, store.place if isinstance(store, Server) else None):
        yield {"parts": parts}


def _name(wanted: Wanted) -> str:
    """Of its batches; the same when it is asked again, because it was killed."""
    its = json.dumps((wanted.site, sorted(wanted.urls), sorted(wanted.beginnings)))
    return f"{FORGOTTEN}{blake2b(its.encode(), digest_size=8).hexdigest()}-"


def _out_of_counts(store: Store, client: Client, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """By rows that cancel what is stored, as a re-labelling moves counts: the tables of the charts follow."""
    here = "site = {site:String} AND " if wanted.site else ""
    values = {name: value for name, value in wanted.values.items() if name in ("urls", "beginnings")}
    only = Only(f"{here}({OF_URLS})", values | ({"site": wanted.site} if wanted.site else {}))
    taken = 0
    for week, _ in ranges.weeks(client, only):
        for its in ranges.ranges(client, week, only):
            stored = ranges.stored(client, its, only)
            wait_for_batch(store)
            minutes = ranges.minutes(client, its)
            rows = [row for one in stored for row in moves.cancelled(one, minutes.get(moves.group_of(one), {}))]
            for batch in moves.batches(rows, ranges.BYTES):
                insert_once(client, batch, _name(wanted), store.inserting)
            taken -= sum(row.reports for row in rows)
            yield {"reports": taken}
