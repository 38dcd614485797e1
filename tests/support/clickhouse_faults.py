"""What the ClickHouse of the tests is told to do wrong, and its count of inserts by table."""

import random
from collections import defaultdict
from threading import Lock
from typing import Literal

import msgspec

# As ClickHouse words them; what a program goes by is the number.
TEXTS = {
    60: "Table does not exist. (UNKNOWN_TABLE)",
    159: "Timeout exceeded: elapsed 300 seconds, maximum: 300. (TIMEOUT_EXCEEDED)",
    202: "Too many simultaneous queries. Maximum: 100. (TOO_MANY_SIMULTANEOUS_QUERIES)",
    241: "Memory limit (total) exceeded: would use 8.01 GiB, maximum: 8.00 GiB. (MEMORY_LIMIT_EXCEEDED)",
    242: "Table is in readonly mode. (TABLE_IS_READ_ONLY)",
    252: "Too many parts (300). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)",
}

Kind = Literal["slow", "refuse", "cut_before", "cut_after", "hang_after"]


class Fault(msgspec.Struct):
    """Each time it does one of its `kinds`; `times` None: until healed. `only` is a table.

    `seconds` are those of `slow`, `code` and `text` those of `refuse`.
    """

    kinds: tuple[Kind, ...]
    times: int | None = None
    only: str | None = None
    inserts_only: bool = True
    seconds: float = 0
    code: int = 0
    text: str = ""
    probability: float = 1


class Counts(msgspec.Struct):
    """Inserts into one table. `applied` ones may have gone unanswered: `cut` and `hung` count both sorts."""

    received: int = 0
    applied: int = 0
    slowed: int = 0
    refused: int = 0  # told to
    failed: int = 0  # refused by the engine itself
    cut: int = 0
    hung: int = 0


class Faults:
    """Those in force, oldest first, and what came of the inserts so far."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._counts: defaultdict[str, Counts] = defaultdict(Counts)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        with self._lock:
            self._faults.clear()

    def draw(self, table: str) -> tuple[float, Kind | None, Fault | None]:
        """How long to wait first (s), and what else to do wrong with a statement; `table` is empty for a query."""
        seconds, chosen, source = 0.0, None, None
        with self._lock:
            for fault in self._faults:
                if fault.times == 0 or not _concerns(fault, table) or random.random() >= fault.probability:
                    continue
                kind = random.choice(fault.kinds)
                if kind == "slow":
                    seconds += fault.seconds
                elif chosen is None:
                    chosen, source = kind, fault
                else:
                    continue
                if fault.times is not None:
                    fault.times -= 1
        return seconds, chosen, source

    def count(self, table: str, what: str) -> None:
        if table:
            with self._lock:
                counts = self._counts[table]
                setattr(counts, what, getattr(counts, what) + 1)

    def forget_counts(self) -> None:
        with self._lock:
            self._counts.clear()

    def counts(self) -> bytes:
        """JSON: table → Counts."""
        with self._lock:
            return msgspec.json.encode(self._counts)


def _concerns(fault: Fault, table: str) -> bool:
    if fault.only is not None:
        return fault.only == table
    return bool(table) or not fault.inserts_only
