"""Broken parts leave their tables: what they were merged of takes their place, or they are put aside.

On a full disk ClickHouse makes broken parts itself: it goes on where a file's write has failed, and then lets the part,
with empty files, stand for those it was merged of (seen with strace, 26.9). Those stay on the disk for three minutes
more (old_parts_lifetime in engine/config.xml). They become the table's parts again where it is closed, the broken one
moved out of its folder, and it is opened again: so the tokens of all inserts stay known, which no ATTACH PART would
leave so.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schema.engine import parts
from schema.engine.parts import Part

_SURE_SECONDS = 170  # after a merge, when all that it read is still there
_PATIENCE_SECONDS = 10.0
_RETRY_SECONDS = 0.2


class StillRead(Exception):
    """Somebody reads the store, an export perhaps: a table can't be closed now. To be tried again."""


def remove_broken(client: Client, inserting: Lock, stop: Callable[[], bool], since: int = 0) -> Iterator[Part]:
    """Reads all parts, or those written `since` then, in s, until `stop`. Gives the broken ones, as they left.

    `inserting`: the engine's. Raises StillRead, ClickHouseError: what is left over is found again.
    """
    open_again(client)
    began = int(time.time())
    by_table: dict[str, list[Part]] = {}
    for part in parts.broken(client, since):
        by_table.setdefault(part.table, []).append(part)
        if stop():
            return
    for table, found in by_table.items():
        with _alone(client, inserting):
            # Meanwhile a merge may have taken one away, and an insert that failed may have left one.
            new = [part for part in parts.broken(client, began, table) if part not in found]
            gone = _removed(client, table, [part for part in found if parts.why_broken(client, *part[:2])] + new)
        yield from gone


def open_again(client: Client) -> None:
    """Tables that could not be opened again when they were closed. Raises ClickHouseError."""
    closed = "SELECT table FROM system.detached_tables WHERE database = currentDatabase() AND NOT is_permanently"
    for (table,) in client.query(closed).result_rows:
        client.command(f"ATTACH TABLE {table}")


@contextlib.contextmanager
def _alone(client: Client, inserting: Lock) -> Iterator[None]:
    """No batch goes in meanwhile, and no page of the console begins. Never waits for readers with the lock in hand."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with inserting:
            if client.query("SELECT count() FROM system.processes").result_rows[0][0] == 1:  # this one
                yield
                return
        if time.monotonic() > ends:
            raise StillRead
        time.sleep(_RETRY_SECONDS)


def _removed(client: Client, table: str, found: list[Part]) -> list[Part]:
    merged = [part for part in found if has_sources(client, part)]
    others = [part for part in found if part not in merged]
    for part in others:  # first: opening the table would put them aside too, and keep their tokens
        parts.take_out(client, part)
    return others + (_replaced(client, table, merged) if merged else [])


_RANGE = """
SELECT partition_id, min_block_number AS low, max_block_number AS high, now() - modification_time AS age
FROM system.parts
WHERE database = currentDatabase() AND active AND table = {table:String} AND name = {name:String}
"""
# After it was opened again some may have been merged with what came later.
_ALL_OF = """
SELECT min(min_block_number) <= {low:Int64} AND max(max_block_number) >= {high:Int64}
FROM system.parts
WHERE database = currentDatabase() AND active = {active:UInt8} AND table = {table:String}
    AND partition_id = {partition:String} AND max_block_number >= {low:Int64} AND min_block_number <= {high:Int64}
"""


def has_sources(client: Client, part: Part) -> bool:
    """Whether all that it was merged of is there. That goes at one time: so of a young part it is all, or, after
    `forget`, nothing. Raises ClickHouseError.
    """
    for *blocks, age in client.query(_RANGE, parameters={"table": part.table, "name": part.name}).result_rows:
        return age < _SURE_SECONDS and _are_there(client, part.table, blocks, active=False)
    return False


def _are_there(client: Client, table: str, blocks: list[object], *, active: bool) -> bool:
    """Parts from the first block to the last."""
    partition, low, high = blocks
    asked = {"table": table, "partition": partition, "low": low, "high": high, "active": int(active)}
    return bool(client.query(_ALL_OF, parameters=asked).result_rows[0][0])


def _replaced(client: Client, table: str, merged: list[Part]) -> list[Part]:
    [[[folder]]] = client.query(
        "SELECT data_paths FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        parameters={"table": table},
    ).result_rows
    blocks = {
        part: client.query(_RANGE, parameters={"table": table, "name": part.name}).result_rows[0][:3] for part in merged
    }
    client.command(f"DETACH TABLE {table}")
    try:
        for part in merged:
            (Path(folder) / part.name).rename(Path(folder) / "detached" / _aside(part))
    finally:
        _open(client, table)
    done = []
    for part in merged:
        replaced = _are_there(client, table, list(blocks[part]), active=True)
        if replaced:
            parts.delete_aside(client, table, _aside(part))
        done.append(part._replace(replaced=replaced))
    return done


def _aside(part: Part) -> str:
    return f"broken_{part.name}"


def _open(client: Client, table: str) -> None:
    """A question that began before the table was closed may have it open for a moment more. Raises DatabaseError."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            client.command(f"ATTACH TABLE {table}")
        except DatabaseError:
            if time.monotonic() > ends:
                raise  # `open_again` goes on
            time.sleep(_RETRY_SECONDS)
        else:
            return
