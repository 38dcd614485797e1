"""Inserting one batch: the same batch under the same token counts once, however often it is tried."""

import asyncio
import operator
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar

import msgspec

from processor.folded import Folded, Line, Reject, Row
from processor.redact import redact_raw
from schema import metrics
from schema.inserts import Inserts
from schema.violation import FIRST_MONDAY, WEEK_SECONDS, Violation

EXAMPLES = 3000  # new ones a batch: more are a flood of made-up violations, and need no example each
_REMEMBERED = 20_000  # keys: some 2 MB
_SETTINGS = {
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    # Rows are folded here, and by queries and merges: to fold them once more takes a fifth of an insert's time.
    "optimize_on_insert": 0,
    # The text indexes are made by the first merge; until then the small new parts are read without.
    "materialize_skip_indexes_on_insert": 0,
}
_SPARE = {"max_threads": 1, "max_insert_threads": 1, "parallel_view_processing": 0}

TABLE_COLUMNS = [name for name in Violation.__struct_fields__ if name != "original_policy"]

_T = TypeVar("_T")
_Keyed = dict[Hashable, Sequence[Any]]


class Writer:
    """One batch at a time."""

    def __init__(self, client: Inserts, inserting: Lock) -> None:
        """`inserting` is held while a batch goes in, so that this process's readers can keep from seeing half of it."""
        self._client = client
        self._inserting = inserting
        self._known_policies = _Recent()
        self._known_examples = _Recent()

    async def insert(
        self, folded: Folded, token: str, still_ours: Callable[[], Awaitable[None]], *, spare: bool = False
    ) -> None:
        """Everything of one batch. May be repeated whole with the same `token` (unique for the batch).

        `still_ours` is called before each table, and raises where another may have taken the batch over. `spare`: with
        as little of the store's memory as can be. Raises ClickHouseError, OSError, and what `still_ours` does.
        """
        rows = list(folded.rows.values())
        policies = self._new_policies(rows)
        examples = await asyncio.to_thread(self._new_examples, rows)  # hostile ones take seconds
        with self._inserting:
            for its, table, columns, found in _tables(folded, policies, examples):
                await still_ours()
                await self._insert(table, columns, found, f"{token}{its}-{table}", spare=spare)
        self._known_policies.add(policies)
        self._known_examples.add(examples)

    def forget_known(self) -> None:
        """For any thread: what the store was known to have may be gone."""
        self._known_policies, self._known_examples = _Recent(), _Recent()

    def _new_policies(self, rows: Iterable[Row]) -> _Keyed:
        """Policies not written within the last hour, by hash: the hour keeps `last_seen` fresh for the TTL."""
        found: _Keyed = {}
        for row in rows:
            violation = row.violation
            key = (violation.policy_hash, violation.last_seen // 3_600_000)
            if violation.policy_hash and key not in found and key not in self._known_policies:
                found[key] = (violation.policy_hash, violation.original_policy, violation.last_seen // 1000)
        return found

    def _new_examples(self, rows: Iterable[Row]) -> _Keyed:
        found: _Keyed = {}
        for row in rows:
            violation = row.violation
            key = violation.fingerprint
            if row.example is not None and key not in found and key not in self._known_examples:
                raw = redact_raw(row.example.body())
                found[key] = (violation.site, violation.fingerprint, raw, violation.last_seen // 1000)
                if len(found) == EXAMPLES:
                    break
        return found

    async def _insert(
        self, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]], token: str, *, spare: bool
    ) -> None:
        await self._client.insert(
            table,
            values,
            column_names=columns,
            column_oriented=True,
            settings={"insert_deduplication_token": token, **_SETTINGS, **(_SPARE if spare else {})},
        )
        metrics.ROWS.labels(table).inc(len(values[0]))


_Insert = tuple[str, str, Sequence[str], Sequence[Sequence[Any]]]


def _tables(folded: Folded, policies: _Keyed, examples: _Keyed) -> Iterator[_Insert]:
    """The token's end, table, columns and their values. The ledger last: what it says is stored can be found."""
    if policies:
        yield "", "policies", ["policy_hash", "original_policy", "last_seen"], _columns(policies.values())
    if examples:
        yield "", "examples", ["site", "fingerprint", "raw", "seen"], _columns(examples.values())
    for week, rejects in _by_week(folded.rejects.items(), lambda item: item[1].received_ms // 1000):
        yield f"-{week}", "rejects", _REJECT_COLUMNS, _columns(_reject(*item) for item in rejects)
    violations = (row.violation for row in folded.rows.values())
    for week, some in _by_week(violations, operator.attrgetter("window")):
        yield f"-{week}", "violations", TABLE_COLUMNS, columns_of(some)
    for week, lines in _by_week(folded.ledger.items(), lambda item: item[0].minute * 60):
        yield f"-{week}", "ledger", _LEDGER_COLUMNS, _columns(_line(*item) for item in lines)


class _Recent:
    """The last keys written, at most _REMEMBERED."""

    def __init__(self) -> None:
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            self._keys[key] = None
        while len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)


def _by_week(items: Iterable[_T], seconds: Callable[[_T], int]) -> list[tuple[int, list[_T]]]:
    """The tables are partitioned by week, and a token covers one part: so one insert a week, nearly always one."""
    weeks: dict[int, list[_T]] = {}
    for item in items:
        weeks.setdefault((seconds(item) - FIRST_MONDAY) // WEEK_SECONDS, []).append(item)
    return sorted(weeks.items())


def _columns(rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True))


def columns_of(violations: Sequence[Violation]) -> list[list[Any]]:
    """As TABLE_COLUMNS. To turn some rows at a time takes half of what it takes to ask each for every value (2.5 µs a
    row); all of them at once, so many tuples would call the garbage collector.
    """
    columns = [list[Any]() for _ in Violation.__struct_fields__]
    for start in range(0, len(violations), _AT_ONCE):
        rows = map(msgspec.structs.astuple, violations[start : start + _AT_ONCE])
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    del columns[_NOT_A_COLUMN]
    return columns


_AT_ONCE = 64
_NOT_A_COLUMN = Violation.__struct_fields__.index("original_policy")
_LEDGER_COLUMNS = ["site", "minute", "outcome", "detail", "reports"]
_REJECT_COLUMNS = ["day", "reason", "slot", "site", "received", "user_agent", "raw"]


def _line(line: Line, reports: int) -> Sequence[Any]:
    return (line.site, line.minute * 60, line.outcome, line.detail, reports)


def _reject(slot: tuple[str, int], found: Reject) -> Sequence[Any]:
    day = datetime.fromtimestamp(found.received_ms / 1000, UTC).date()
    return (day, *slot, found.site, found.received_ms, found.user_agent, found.raw)
