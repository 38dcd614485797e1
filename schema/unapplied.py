"""Tokens of inserts that never came to be: taken back before the engine opens, so that no repeat is dropped."""

import os
import re
import struct
from collections.abc import Collection
from pathlib import Path

_ADDED = "1"  # a line is: operation (1 added, 2 dropped), part, block's hash
_PART = re.compile(r"[^_]+_\d+_\d+_\d+(?:_\d+)?")  # no `tmp_merge_…`, which a kill leaves and the engine removes
# No part has one of these empty (materialised skip indexes have empty files).
_NEVER_EMPTY = ("checksums.txt", "columns.txt", "count.txt", "data.bin", "data.cmrk4", "primary.cidx")
# A small part is one file. It begins with a version and how many files it holds, and then of each its name, with the
# length of that in a byte before it, and where it begins and its length (ClickHouse 26.9, src/IO/PackedFilesIO.h).
_PACKED = "data.packed"
_FILES = struct.Struct("<BQ")
_PLACE = struct.Struct("<QQ")
_INDEX_BYTES = 8192  # more than the names of all files of a table with 40 columns take: their columns are one file


def forget_unapplied_inserts(path: Path) -> None:
    """Of the engine over `path`.

    MergeTree writes the insert's token to `deduplication_logs/` and then renames the part into place, part after part
    (seen with strace, ClickHouse 26.9). A kill between the two leaves a token for rows that are not there. Only the
    last line of a table can be such a one. And a full disk leaves parts with empty files, or cut short where they are
    one (schema/replacing.py), which are put aside when the table is opened: theirs may be any.
    """
    for logs in path.glob("store/*/*/deduplication_logs"):
        table = logs.parent
        hollow = {part.name for part in table.iterdir() if _PART.fullmatch(part.name) and _is_hollow(part)}
        lost = {name for name in hollow if not _part_exists(table, name, hollow)}
        newest_first = sorted(logs.glob("deduplication_log_*.txt"), key=_log_number, reverse=True)
        found_last = False
        for log in newest_first:
            lines = log.read_text().splitlines(keepends=True)
            kept = [line for line in lines if _part_of(line) not in lost]
            # The newest may be empty: a full log is followed by the next one before the part is renamed.
            if lines and not found_last:
                found_last = True
                if kept and kept[-1] is lines[-1] and not _is_applied(kept[-1], table, hollow):
                    kept.pop()
            if kept != lines:
                _replace(log, kept)
            if found_last and not lost:
                break


def _is_hollow(part: Path) -> bool:
    if (packed := part / _PACKED).is_file():
        return _is_cut_short(packed)
    sizes = [file.stat().st_size for name in _NEVER_EMPTY if (file := part / name).is_file()]
    return 0 in sizes


def _is_cut_short(packed: Path) -> bool:
    """Its files lie one behind the other. Where they don't, the index is damaged, and says nothing of the length."""
    with packed.open("rb") as file:
        index, size = file.read(_INDEX_BYTES), os.fstat(file.fileno()).st_size
    places = []
    try:
        _version, files = _FILES.unpack_from(index)
        at = _FILES.size
        for _ in range(files):
            places.append(_PLACE.unpack_from(index, at + 1 + index[at]))
            at += 1 + index[at] + _PLACE.size
    except (struct.error, IndexError):
        return size < _INDEX_BYTES
    ends = at
    for begins, length in places:
        if begins != ends:
            return False
        ends = begins + length
    return ends > size


def _part_of(line: str) -> str:
    return line.rstrip("\n").split("\t")[1] if "\t" in line else ""


def _is_applied(line: str, table: Path, hollow: Collection[str]) -> bool:
    fields = line.rstrip("\n").split("\t")
    whole = len(fields) == 3 and line.endswith("\n")
    return whole and (fields[0] != _ADDED or _part_exists(table, fields[1], hollow))


def _replace(log: Path, lines: list[str]) -> None:
    """Whole, because a kill in here must not lose the other records."""
    rest = log.with_name("unfinished.tmp")
    rest.write_text("".join(lines))
    rest.replace(log)


def _log_number(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _part_exists(table: Path, part: str, hollow: Collection[str]) -> bool:
    """Whether `part` (partition_min_max_level), or a merged one that covers its blocks, is on disk."""
    partition, low, high, _level = part.split("_")[:4]
    for found in table.glob(f"{partition}_*"):
        fields = found.name.split("_")
        covers = len(fields) >= 4 and int(fields[1]) <= int(low) and int(high) <= int(fields[2])
        if covers and found.name not in hollow:
            return True
    return False
