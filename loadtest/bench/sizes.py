"""Section `bytes`: what a report takes in the log and in the spool, and a row in the store."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver.client import Client

from loadtest import spooled
from loadtest.bench import stored
from loadtest.bench.child import run
from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.bench.servers import PROGRAM
from loadtest.traffic.model import Totals, Traffic
from log.frame import HEADER
from log.packing import ENVELOPE_BYTES
from log.reading import read_frames
from log.segments import segments
from schema.clickhouse import open_chdb
from schema.columns import MOST_DELIVERIES
from schema.envelope import pack

_TRAFFIC = ("different", "typical", "burst", "learned")
_PARTS = """
SELECT toString(table) AS name, sum(bytes_on_disk) AS bytes, sum(rows) FROM system.parts
WHERE active AND database = currentDatabase() GROUP BY name HAVING bytes > 0
"""
_COLUMNS = """
SELECT toString(column) AS name, sum(column_data_compressed_bytes + column_marks_bytes) FROM system.parts_columns
WHERE active AND database = currentDatabase() AND table = 'violations' GROUP BY name
"""
_INDEXES = """
SELECT sum(secondary_indices_compressed_bytes + secondary_indices_marks_bytes) FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'violations'
"""
_MERGED = ("violations", "minutes", "sources", "policies", "examples")


def sizes(options: Options) -> list[Figure]:
    return [figure for shape in _TRAFFIC for figure in _shape(options, shape)]


def _shape(options: Options, shape: str) -> list[Figure]:
    data_dir = options.folder / shape
    data_dir.mkdir()
    try:
        with options.progress(f"writing {options.reports:,} reports to the spool", options.reports) as advance:
            totals = spooled.write(Traffic(shape, options.reports), data_dir, advance)
        figures = _log(shape, data_dir / "spool" / spooled.WORKER, totals)
        run([PROGRAM, "process", "--drain", "--data-dir", data_dir], data_dir / "processor.log")
        stored.check(data_dir, totals)
        figures += _store(shape, data_dir)
    finally:
        shutil.rmtree(data_dir)
    for figure in figures:
        options.say(f"{figure.name}: {figure.value:.1f} {figure.unit}")
    return figures


def _log(shape: str, spool: Path, totals: Totals) -> list[Figure]:
    """As Kafka would hold it, and as the spool does."""
    raw = sum(path.stat().st_size for path in segments(spool))
    packed = sum(len(record) for record in _envelopes(spool))
    return [
        Figure(f"bytes.log.{shape}", f"log, {shape}", "B/report", [packed / totals.reports], "less"),
        Figure(f"bytes.spool.{shape}", f"spool, {shape}", "B/report", [raw / totals.reports], "less"),
    ]


def _envelopes(spool: Path) -> Iterator[bytes]:
    """Cut as the shipper cuts a backlog that can be compressed."""
    for path in segments(spool):
        with path.open("rb") as file:
            at, size = len(HEADER), path.stat().st_size
            while at < size:
                frames = read_frames(file.fileno(), at, size, ENVELOPE_BYTES, final=True, most=MOST_DELIVERIES)
                yield pack("0" * 32, "bench", int(time.time() * 1000), frames.records)
                at += frames.consumed


def _store(shape: str, data_dir: Path) -> list[Figure]:
    with open_chdb(data_dir / "store") as engine:
        client = engine.client()
        as_they_are = rows(client, shape, "", "")
        for table in _MERGED:
            client.command(f"OPTIMIZE TABLE {table} FINAL")
        return [*as_they_are, *rows(client, shape, ".merged", ", merged")]


def rows(client: Client, shape: str, suffix: str, name: str) -> list[Figure]:
    """Of `violations` by row; of all tables together by row of `violations`, with the others in the detail."""
    tables = {str(table): (int(size), int(rows)) for table, size, rows in client.query(_PARTS).result_rows}
    size, rows = tables["violations"]
    # A small part keeps its columns in one file, and says nothing of each.
    columns = {str(column): int(found) / rows for column, found in client.query(_COLUMNS).result_rows if found}
    columns["(indexes)"] = int(client.query(_INDEXES).result_rows[0][0]) / rows
    whole = {table: found / rows for table, (found, _) in tables.items()}
    shown = f"store, {shape}{name}"
    return [
        Figure(f"bytes.row.{shape}{suffix}", f"{shown}: a row", "B/row", [size / rows], "less", detail=columns),
        Figure(f"bytes.store.{shape}{suffix}", f"{shown}: all tables", "B/row", [sum(whole.values())], "less",
               detail=whole),
    ]  # fmt: skip
