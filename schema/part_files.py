"""The store's parts as files, while no engine has them open. A small part is one file, in which the others lie."""

import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"[^_]+_\d+_\d+_\d+(?:_\d+)?")  # no `tmp_merge_…`, which a kill leaves and the engine removes
PACKED = "data.packed"
# It begins with a version and how many files it holds, and then of each its name, with the length of that in a byte
# before it, and where it begins and its length (ClickHouse 26.9, src/IO/PackedFilesIO.h).
_FILES = struct.Struct("<BQ")
_PLACE = struct.Struct("<QQ")
_INDEX_BYTES = 8192  # more than the names of all files of a table with 40 columns take: their columns are one file


class Place(NamedTuple):
    begins: int
    length: int


class Index(NamedTuple):
    """Files lie one behind the other: `misplaced` are those that fit neither the one before nor the one behind."""

    places: dict[bytes, Place]
    whole: bool
    misplaced: set[bytes]


def parts_of(table: Path) -> list[Path]:
    return [part for part in table.iterdir() if _NAME.fullmatch(part.name)]


def index_of(packed: Path) -> Index | None:
    """None where it makes no sense. Raises OSError."""
    with packed.open("rb") as file:
        text = file.read(_INDEX_BYTES)
    places = dict[bytes, Place]()
    try:
        _version, files = _FILES.unpack_from(text)
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


def read(packed: Path, place: Place) -> bytes:
    """At most 64 bytes of it. Raises OSError."""
    with packed.open("rb") as file:
        return os.pread(file.fileno(), min(place.length, 64), min(place.begins, 1 << 62))
