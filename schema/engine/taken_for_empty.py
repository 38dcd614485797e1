"""Parts that ClickHouse would take for empty, and remove without a word: put aside before the engine opens.

It asks a part's `count.txt` how many rows there are, and no checksum (26.9); and where a small part's marks do not lie
where its index says, there may be none. Of 5,352 bits of an index 52 made a part seem empty, all of the place of its
marks or its count. What else is damaged ClickHouse refuses, or finds by reading (schema/engine/replacing.py).
"""

import logging
import os
from pathlib import Path

from schema.engine.part_files import PACKED, beginning_of, index_of, is_there, parts_of, sources_are_there

logger = logging.getLogger("sentinel.broken")
_COUNT = b"count.txt"
_DECIDE = {_COUNT, b"data.cmrk4"}
_WITH_ROWS = (b"data.bin", b"primary.cidx")  # at least one of them is there, and empty only where there are no rows


def put_aside_taken_for_empty(path: Path) -> None:
    """Of the engine over `path`, into `detached`, as ClickHouse does with broken ones.

    Raises OSError where one can't be moved: with it there the engine would remove it.
    """
    for table in filter(Path.is_dir, path.glob("store/*/*")):
        found = list(filter(taken_for_empty, parts_of(table)))
        names = {part.name for part in found}
        for part in found:
            if is_there(table, part.name, names):
                continue  # it was merged: nothing of it is served any more
            told = {"table": table.name, "part": part.name, "why": "it seems to have no rows"}
            if sources_are_there(table, part.name, names):
                part.rename(_free(table, f"delete_tmp_{part.name}"))  # ClickHouse removes what is called so
                logger.warning("a part of the store is damaged: what it was merged of takes its place", extra=told)
            else:
                part.rename(_free(table / "detached", f"broken_{part.name}"))
                logger.error("a part of the store is damaged: it was put aside", extra=told)


def _free(folder: Path, name: str) -> Path:
    """One of that name may have been put back by hand, or its number used again."""
    folder.mkdir(exist_ok=True)
    tried = 0
    while os.path.lexists(free := folder / (f"{name}_try{tried}" if tried else name)):
        tried += 1
    return free


def taken_for_empty(part: Path) -> bool:
    """Where it has rows. What can't be read ClickHouse can't read either, and tells."""
    try:
        return _in_one_file(part / PACKED) if (part / PACKED).is_file() else _in_a_folder(part)
    except OSError:
        return False


def _in_one_file(packed: Path) -> bool:
    index = index_of(packed)
    if index is None:
        return False  # it can't be opened
    if index.misplaced:
        return index.misplaced <= _DECIDE
    if _COUNT not in index.places or not _is_none(beginning_of(packed, index.places[_COUNT])):
        return False
    return any(index.places[name].length for name in _WITH_ROWS if name in index.places)


def _in_a_folder(part: Path) -> bool:
    if not _is_none((part / _COUNT.decode()).read_bytes()):
        return False
    return any(file.stat().st_size for name in _WITH_ROWS if (file := part / name.decode()).is_file())


def _is_none(count: bytes) -> bool:
    return count.isdigit() and not count.strip(b"0")
