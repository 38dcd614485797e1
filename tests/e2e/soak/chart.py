"""The soak as SVG: memory, files and threads of each process over its minutes, and what was sent, and broken."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from loadtest.capacity.svg import Line, Lines, document
from tests.e2e.soak.samples import Disk, Life, Samples
from tests.e2e.soak.timetable import Happened

_POINTS = 500  # a line; more than that is no wider than a pixel
_PARENT = re.compile(r"collector-.$")  # nothing happens in them, and more lines than colours say nothing
_PANELS = (("memory", "resident memory", "MiB"), ("files", "open files", "files"), ("threads", "threads", "threads"))


def chart(title: str, samples: Samples, faults: Sequence[Happened]) -> str:
    panels = []
    for of in ("run", "many"):
        lives = [life for life in samples.lives.values() if (of == "run") == life.name.startswith("run")]
        if lives:
            shown = "csp-sentinel run" if of == "run" else "many processes"
            panels += [_panel(f"{shown}: {what}", unit, lives, field) for field, what, unit in _PANELS]
    panels.append(Lines("posts answered", "a second", [Line(of, _rate(its)) for of, its in samples.answered.items()]))
    panels.append(Lines("spools", "MiB", [Line(name, _disk(its, "spool")) for name, its in samples.disks.items()]))
    stores = {name: its for name, its in samples.disks.items() if any(disk.rest >= 1 for disk in its)}
    panels.append(
        Lines("data dir but for the spool", "MiB", [Line(name, _disk(its, "rest")) for name, its in stores.items()])
    )
    panels.append(Lines("faults so far", "", [Line(of, _so_far(its)) for of, its in _by_set_up(faults).items()]))
    return document(title, [panel for panel in panels if any(line.points for line in panel.lines)])


def _panel(title: str, unit: str, lives: Iterable[Life], field: str) -> Lines:
    """A line a name: of several processes at a time the biggest."""
    by_name: defaultdict[str, dict[float, float]] = defaultdict(dict)
    for life in lives:
        points = by_name[_PARENT.sub("collectors", life.name)]
        for sample in life.samples:
            points[sample.at] = max(points.get(sample.at, 0), getattr(sample, field))
    return Lines(title, unit, [Line(name, _thin(sorted(points.items()))) for name, points in sorted(by_name.items())])


def _rate(counted: Sequence[tuple[float, int]]) -> list[tuple[float, float]]:
    return _thin([(at, (now - before) / (at - then)) for (then, before), (at, now) in pairwise(counted) if at > then])


def _disk(its: Iterable[Disk], field: str) -> list[tuple[float, float]]:
    return _thin([(disk.at, getattr(disk, field)) for disk in its])


def _by_set_up(faults: Iterable[Happened]) -> dict[str, list[Happened]]:
    found: defaultdict[str, list[Happened]] = defaultdict(list)
    for fault in faults:
        found[fault.of].append(fault)
    return found


def _so_far(faults: Sequence[Happened]) -> list[tuple[float, float]]:
    return [(0.0, 0.0), *((fault.ended / 60, float(number)) for number, fault in enumerate(faults, 1))]


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """In minutes."""
    step = len(points) // _POINTS + 1
    return [(round(at / 60, 2), value) for at, value in points[::step]]
