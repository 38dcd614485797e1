"""Tokens of inserts that never came to be: taken back before the engine opens, so that no repeat is dropped."""

from collections.abc import Collection
from pathlib import Path

from schema.engine.part_files import PACKED, is_cut_short, is_name, is_there, parts_of
from schema.engine.taken_for_empty import taken_for_empty

_ADDED = "1"  # a line is: operation (1 added, 2 dropped), part, block's hash
_DAMAGED = "surrogateescape"  # a flipped bit may leave no UTF-8: ClickHouse says what it makes of it
# No part has one of these empty (materialised skip indexes have empty files).
_NEVER_EMPTY = ("checksums.txt", "columns.txt", "count.txt", "data.bin", "data.cmrk4", "primary.cidx")


def forget_unapplied_inserts(path: Path) -> None:
    """Of the engine over `path`.

    MergeTree writes the insert's token to `deduplication_logs/` and then renames the part into place, part after part
    (seen with strace, ClickHouse 26.9). A kill between the two leaves a token for rows that are not there. Only the
    last line of a table can be such a one. And a full disk leaves parts with empty files, or cut short where they are
    one (schema/engine/replacing.py), which are put aside when the table is opened: theirs may be any, as those of parts
    that seem empty. Raises OSError.
    """
    for logs in path.glob("store/*/*/deduplication_logs"):
        table = logs.parent
        hollow = {part.name for part in parts_of(table) if _is_hollow(part) or taken_for_empty(part)}
        lost = {name for name in hollow if not is_there(table, name, hollow)}
        newest_first = sorted(filter(_log_number, logs.glob("deduplication_log_*.txt")), key=_log_number, reverse=True)
        found_last = False
        for log in newest_first:
            lines = log.read_text(errors=_DAMAGED).splitlines(keepends=True)
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
    """What can't be read ClickHouse can't read either, and tells: its record stays."""
    try:
        if (packed := part / PACKED).is_file():
            return is_cut_short(packed)
        return 0 in [file.stat().st_size for name in _NEVER_EMPTY if (file := part / name).is_file()]
    except OSError:
        return False


def _part_of(line: str) -> str:
    return line.rstrip("\n").split("\t")[1] if "\t" in line else ""


def _is_applied(line: str, table: Path, hollow: Collection[str]) -> bool:
    """A damaged name of a part says nothing of whether that is there."""
    fields = line.rstrip("\n").split("\t")
    whole = len(fields) == 3 and line.endswith("\n")
    return whole and (fields[0] != _ADDED or not is_name(fields[1]) or is_there(table, fields[1], hollow))


def _replace(log: Path, lines: list[str]) -> None:
    """Whole, because a kill in here must not lose the other records."""
    rest = log.with_name("unfinished.tmp")
    rest.write_text("".join(lines), errors=_DAMAGED)
    rest.replace(log)


def _log_number(path: Path) -> int:
    """From 1 on; 0 of what has another name, which is ClickHouse's to refuse."""
    number = path.stem.rpartition("_")[2]
    return int(number) if number.isdecimal() else 0
