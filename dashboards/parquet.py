"""Violations as a Parquet file, row group by row group: nothing but one group is held."""

import importlib
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dashboards.rows import FIELDS

Block = Sequence[Sequence[Any]]  # rows by column, in the order of FIELDS; `window` in s, the other times in ms
GROUP_ROWS = 8_192


def written(blocks: Iterable[Block]) -> Iterator[bytes]:
    # Half a second to import, and needed here only.
    arrow: Any = importlib.import_module("pyarrow")
    writers: Any = importlib.import_module("pyarrow.parquet")
    schema = _schema(arrow)
    drain = _Drain()
    with writers.ParquetWriter(drain, schema, compression="zstd") as writer:
        for group in _groups(blocks):
            columns = [arrow.array(column, field.type) for column, field in zip(group, schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
            yield drain.taken()
    yield drain.taken()


def _schema(arrow: Any) -> Any:
    special = {
        "window": arrow.timestamp("s", "UTC"),
        "first_seen": arrow.timestamp("ms", "UTC"),
        "last_seen": arrow.timestamp("ms", "UTC"),
        "reports": arrow.uint64(),
        "estimated": arrow.float64(),
        "line_number": arrow.uint32(),
        "column_number": arrow.uint32(),
        "status_code": arrow.uint16(),
        "trust": arrow.uint8(),
    }
    return arrow.schema([(name, special.get(name, arrow.string())) for name in FIELDS])


def _groups(blocks: Iterable[Block]) -> Iterator[list[list[Any]]]:
    """Blocks put together: small row groups compress badly."""
    held: list[list[Any]] = [[] for _ in FIELDS]
    for block in blocks:
        for column, more in zip(held, block, strict=True):
            column.extend(more)
        if len(held[0]) >= GROUP_ROWS:
            yield held
            held = [[] for _ in FIELDS]
    if held[0]:
        yield held


class _Drain(io.RawIOBase):
    """A file that is written at one end and taken away at the other."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._written += piece
        return len(piece)

    def taken(self) -> bytes:
        found, self._written = bytes(self._written), bytearray()
        return found
