"""What was measured, kept as JSON section by section, so that one can be measured again without the others."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from loadtest.bench.figures import Figure
from loadtest.bench.machine import commit, machine, versions
from loadtest.bench.targets import TARGETS, verdict

FILE = "results.json"


class Kept(msgspec.Struct):
    """A figure with what is asked of it, as far as something is."""

    figure: Figure
    value: float | None = None
    target: str = ""
    met: bool | None = None


class Section(msgspec.Struct):
    """`asked`: the command's words, which say how long and how often."""

    date: str
    commit: str
    asked: str
    machine: dict[str, str]
    versions: dict[str, str]
    figures: list[Kept]


class Results(msgspec.Struct):
    sections: dict[str, Section] = {}

    def figures(self, names: list[str]) -> list[Figure]:
        return [kept.figure for name in names if name in self.sections for kept in self.sections[name].figures]


def section(figures: list[Figure], asked: str) -> Section:
    kept = [Kept(figure, figure.value, str(TARGETS.get(figure.key, "")), verdict(figure)) for figure in figures]
    return Section(datetime.now(UTC).isoformat(timespec="seconds"), commit(), asked, machine(), versions(), kept)


def load(folder: Path) -> Results:
    """Nothing, where there is no file or another version's."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError):
        return Results()


def save(results: Results, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{FILE}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    return fresh.replace(folder / FILE)
