"""What a row costs the store: the processor's batches into a fresh chDB. `python -m loadtest.inserts FOLDER REPORTS`.

Folded beforehand, so that the CPU of this process is the store's alone: rows into all tables by way of their views,
tokens, and what is merged meanwhile. Prints JSON: rows of `violations`, and seconds of CPU.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import TypeVar

from loadtest.spooled import encoded
from loadtest.traffic.model import Traffic
from processor.fold import fold
from processor.folded import Folded
from processor.repeats import Repeats
from processor.write import Writer
from schema import delivery
from schema.clickhouse import open_chdb
from schema.inserts import InProcess
from schema.migrate import migrate
from schema.sites import Sites

_BATCH = 10_000  # deliveries: as many rows as the most that Kafka gives at once (19,000), where half repeat
_WEEK_MS = 7 * 24 * 3_600_000
_RETENTION_DAYS = 90
_T = TypeVar("_T")


def folded(reports: int) -> Iterator[Folded]:
    repeats, types, sites = Repeats(), set[str](), Sites()
    began_ms = int(time.time() * 1000) // _WEEK_MS * _WEEK_MS
    for posts in _batched(Traffic("different", reports), _BATCH):
        found = [delivery.decode(encoded(post, began_ms)) for post in posts]
        yield fold(found, (), sites, types, repeats)


def _batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(items)
    while some := list(itertools.islice(left, size)):
        yield some


async def _insert(folder: Path, batches: list[Folded]) -> float:
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, _RETENTION_DAYS)
        writer = Writer(InProcess(client), Lock())
        before = time.process_time()
        for number, batch in enumerate(batches):
            await writer.insert(batch, f"bench-{number}", _still_ours)
        return time.process_time() - before


async def _still_ours() -> None:
    """Nobody else is there."""


def main(arguments: list[str]) -> int:
    folder, reports = arguments
    batches = list(folded(int(reports)))
    seconds = asyncio.run(_insert(Path(folder), batches))
    print(json.dumps({"rows": sum(len(batch.rows) for batch in batches), "cpu_seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
