"""Figures that depend little on how fast the machine is: written down once, compared ever after."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import msgspec

from loadtest.bench.figures import Better, Figure, rounded

FILE = Path(__file__).parents[1] / "recorded.json"
MOST_LOST = 0.10


class Value(msgspec.Struct):
    name: str
    unit: str
    better: Better
    value: float


class Record(msgspec.Struct):
    """`date`, `commit` and `machine` are those of the measurement."""

    date: str
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    figures: dict[str, Value]


class Line(NamedTuple):
    """One figure compared; `lost` as by `loss`."""

    name: str
    recorded: str
    found: str
    lost: float | None
    said: str  # same, better, lost, moved, missing, new

    @property
    def bad(self) -> bool:
        return self.said == "lost"


def values(figures: list[Figure]) -> dict[str, Value]:
    """Of those that were measured."""
    return {
        figure.key: Value(figure.name, figure.unit, figure.better, figure.value)
        for figure in figures
        if figure.value is not None
    }


def compare(record: dict[str, Value], found: dict[str, Value], moving: Collection[str] = ()) -> list[Line]:
    """All that either has: what is missing now is said, and is no loss; a tool may not be here.

    Neither is a loss of what is `moving` with the machine, by key: something else decides.
    """
    lines = [_line(value, found.get(key), moves=key in moving) for key, value in record.items()]
    new = (value for key, value in found.items() if key not in record)
    return lines + [Line(value.name, "-", _shown(value), None, "new") for value in new]


def _line(recorded: Value, found: Value | None, *, moves: bool) -> Line:
    if found is None:
        return Line(recorded.name, _shown(recorded), "-", None, "missing")
    lost = loss(recorded, found)
    less = "moved" if moves else "lost"
    said = less if lost > MOST_LOST else "better" if lost < -MOST_LOST else "same"
    return Line(recorded.name, _shown(recorded), _shown(found), lost, said)


def loss(recorded: Value, found: Value) -> float:
    """A share of the recorded value, in the direction that is worse."""
    change = found.value / recorded.value - 1
    return -change if recorded.better == "more" else change


def _shown(value: Value) -> str:
    return f"{rounded(value.value)} {value.unit}"


def load(file: Path = FILE) -> Record | None:
    """None where nothing is recorded yet. Raises msgspec.DecodeError."""
    return msgspec.json.decode(file.read_bytes(), type=Record) if file.exists() else None


def save(record: Record, file: Path = FILE) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
