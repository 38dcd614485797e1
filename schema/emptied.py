"""Parts that ClickHouse would take for empty, and remove without a word: put aside before the engine opens.

It asks `count.txt` how many rows there are, and no checksum (26.9). And where a small part's marks are not where its
index says, there may be none: of 5,352 bits of an index 52 made a part seem empty, each of the place of one of the two.
What else is damaged ClickHouse refuses, or finds by reading (schema/replacing.py).
"""

from pathlib import Path

from schema.part_files import PACKED, index_of, parts_of, read

_COUNT = b"count.txt"
_DECIDE = {_COUNT, b"data.cmrk4"}
_WITH_ROWS = (b"data.bin", b"primary.cidx")  # one of them is there, and empty only where there are no rows


def put_aside_emptied(path: Path) -> None:
    """Of the engine over `path`, into `detached`, where ClickHouse puts broken ones. Raises OSError."""
    for table in filter(Path.is_dir, path.glob("store/*/*")):
        for part in filter(seems_empty, parts_of(table)):
            aside = table / "detached"
            aside.mkdir(exist_ok=True)
            part.rename(aside / f"broken_{part.name}")


def seems_empty(part: Path) -> bool:
    """But has rows. Raises OSError."""
    packed = part / PACKED
    if not packed.is_file():
        count = part / _COUNT.decode()
        sizes = [file.stat().st_size for name in _WITH_ROWS if (file := part / name.decode()).is_file()]
        return count.is_file() and _is_none(count.read_bytes()[:64]) and any(sizes)
    index = index_of(packed)
    if index is None:
        return False  # it can't be opened
    if index.misplaced & _DECIDE:
        return True
    sizes = [index.places[name].length for name in _WITH_ROWS if name in index.places]
    return _COUNT in index.places and _is_none(read(packed, index.places[_COUNT])) and any(sizes)


def _is_none(count: bytes) -> bool:
    return count.isdigit() and int(count) == 0
