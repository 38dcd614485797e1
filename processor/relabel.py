"""`noise apply`: what is stored gets the labels of today's rules, while other things are being inserted.

A killed one is run again: it looks at the sums, and what is moved already is right.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from processor import moves, ranges
from processor.batches import SETTINGS, completed, finish, insert_once
from processor.moves import Change
from processor.noise import noise
from schema.noise_moves import RELABELLED
from schema.sites import Sites
from schema.store import Store, wait_for_batch
from schema.violation import Violation


class Step(NamedTuple):
    """How far it is: `looked` at so many of about `of` rows, and `moved` so many reports to another label.

    `changes`: these by old and new rule; "" is none.
    """

    looked: int
    of: int
    moved: int
    changes: Counter[tuple[str, str]]


def relabel(store: Store, sites: Sites) -> Iterator[Step]:
    """By the rules of `sites`. May be left at any step. Raises ClickHouseError."""
    client = store.client(SETTINGS)
    try:
        with store.moving, completed(store):
            finish(client)
            yield from _steps(store, client, sites)
    finally:
        client.close()


def _steps(store: Store, client: Client, sites: Sites) -> Iterator[Step]:
    weeks = ranges.weeks(client)
    step = Step(0, sum(rows for _, rows in weeks), 0, Counter())
    yield step
    for week, _ in weeks:
        for its in ranges.ranges(client, week):
            changes = _changes(client, its, sites)
            rows = _rows(store, client, its, changes)
            for batch in moves.batches(rows, ranges.BYTES):
                insert_once(client, batch, RELABELLED, store.inserting)
            step.changes.update(moves.told(changes, rows))
            step = step._replace(looked=min(step.of, step.looked + its.rows), moved=step.changes.total())
            yield step


def _changes(client: Client, its: ranges.Range, sites: Sites) -> list[Change]:
    found = []
    for violation in ranges.stored(client, its):
        label = noise(violation, sites.get(violation.site), sites.rules)
        if (label.category, label.rule) != (violation.noise, violation.noise_rule):
            found.append(Change(violation, label))
    return found


def _rows(store: Store, client: Client, its: ranges.Range, changes: list[Change]) -> list[Violation]:
    minutes: dict[moves.Group, moves.Minutes] = {}
    if any(change.moves for change in changes):
        wait_for_batch(store)
        minutes = ranges.minutes(client, its)
    return moves.rows(changes, minutes)
