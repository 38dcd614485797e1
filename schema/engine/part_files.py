"""The store's parts as files, while no engine has them open. A small part is one file, in which the others lie."""

import os
import re
import struct
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

# partition_min_max_level, and the number of a mutation; no `tmp_merge_…`, which a kill leaves and the engine removes.
_NAME = re.compile(r"[^_]+_\d+_\d+_\d+(?:_\d+)?")
PACKED = "data.packed"
# It begins with a version and how many files it holds, and then of each its name, with the length of that in a byte
# before it, and where it begins and its length (ClickHouse 26.9, src/IO/PackedFilesIO.h).
_FILES = struct.Struct("<BQ")
_VERSION = 0
_PLACE = struct.Struct("<QQ")
_INDEX_BYTES = 8192  # more than the names of all files of a table with 40 columns take: their columns are one file
_BEGINNING = 64
_FURTHEST = (1 << 63) - 1  # where `pread` can be asked to begin


class Place(NamedTuple):
    begins: int
    length: int


class Index(NamedTuple):
    """Files lie one behind the other: `whole` where all do.

    `misplaced` are those that fit neither the one before nor the one behind: their own place is damaged.
    """

    places: dict[bytes, Place]
    whole: bool
    misplaced: set[bytes]


def is_name(part: str) -> bool:
    return _NAME.fullmatch(part) is not None


def parts_of(table: Path) -> list[Path]:
    return [part for part in table.iterdir() if is_name(part.name)]


def is_there(table: Path, part: str, without: Collection[str]) -> bool:
    """Whether `part`, or a merged one that covers its blocks, is on disk, and not one of those `without`."""
    low, high = _blocks(part)
    return any(first <= low and high <= last for first, last in _beside(table, part, without))


def sources_are_there(table: Path, part: str, without: Collection[str]) -> bool:
    """Whether those that `part` was merged of are on disk: they go at one time, so first and last are enough."""
    low, high = _blocks(part)
    within = [its for its in _beside(table, part, without) if low <= its[0] and its[1] <= high and its != (low, high)]
    return bool(within) and min(within)[0] == low and max(last for _, last in within) == high


def _beside(table: Path, part: str, without: Collection[str]) -> list[tuple[int, int]]:
    """The blocks of parts of the same partition."""
    partition = part.split("_", maxsplit=1)[0]
    names = [its.name for its in parts_of(table) if its.name not in without]
    return [_blocks(name) for name in names if name.split("_")[0] == partition]


def _blocks(part: str) -> tuple[int, int]:
    _partition, low, high, *_ = part.split("_")
    return int(low), int(high)


def index_of(packed: Path) -> Index | None:
    """None where it ends too early; of another version it says nothing. Raises OSError."""
    with packed.open("rb") as file:
        text = file.read(_INDEX_BYTES)
    places = dict[bytes, Place]()
    try:
        version, files = _FILES.unpack_from(text)
        if version != _VERSION:
            return Index({}, whole=False, misplaced=set())
        at = _FILES.size
        for _ in range(files):
            name = text[at + 1 : at + 1 + text[at]]
            at += 1 + len(name)
            places[name] = Place._make(_PLACE.unpack_from(text, at))
            at += _PLACE.size
    except (struct.error, IndexError):
        return None
    begins = [place.begins for place in places.values()]
    ends = [place.begins + place.length for place in places.values()]
    fits = [this == before for this, before in zip(begins, [at, *ends], strict=False)]
    both = zip(places, fits, [*fits[1:], False], strict=False)
    misplaced = {name for name, before, behind in both if not (before or behind)}
    return Index(places, all(fits), misplaced)


def is_cut_short(packed: Path) -> bool:
    """Where its index is damaged that says nothing of the length. Raises OSError."""
    index, size = index_of(packed), packed.stat().st_size
    if index is None:
        return size < _INDEX_BYTES
    return index.whole and any(begins + length > size for begins, length in index.places.values())


def beginning_of(packed: Path, place: Place) -> bytes:
    """Raises OSError."""
    with packed.open("rb") as file:
        return os.pread(file.fileno(), min(place.length, _BEGINNING), min(place.begins, _FURTHEST))
