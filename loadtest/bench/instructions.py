"""Section `instructions`: how many a report takes on the hot path, which needs no quiet machine to be compared.

Counted by callgrind, which runs a program on a made-up processor: the same on every machine with the same Python and
the same libraries (twice in turn here: 43.576 and 43.578 thousand). Where Valgrind is missing there is CPU time.
"""

import re
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from loadtest.bench.child import Child, Failed
from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.hot_path import MOST

WHAT = {
    "accept": "Collector.accept, 900 B",
    "edge": "the fast edge, from a read to the answer",
    "accept-array": "Collector.accept, an array of 10",
    "edge-array": "the fast edge, an array of 10",
    "fold-different": "decode and fold, all different",
    "fold-typical": "decode and fold, 70% repeats",
    "fold-burst": "decode and fold, 90% repeats",
}
COUNTED = "instructions."  # how the keys begin of what callgrind counted
_SECONDS = 900
_COUNTED = re.compile(r"Collected : (\d+)")
_REPORTS = re.compile(r"^(\d+)$", re.MULTILINE)
# Sets and dicts of text come in the order of its hashes.
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}


def instructions(options: Options) -> list[Figure]:
    figures = []
    for what in WHAT:
        found = counted(options, what) if shutil.which("valgrind") else timed(options, what)
        options.say(f"{found.name}: {found.value or 0:,.2f} {found.unit}")
        figures.append(found)
    return figures


def counted(options: Options, what: str) -> Figure:
    """N calls and 2N beside each other: that they share the machine changes nothing."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    with ExitStack() as stack:
        both = [stack.enter_context(_child(options, what, calls, tool)) for calls in (MOST // 2, MOST)]
        (fewer, few), (more, many) = (_said(child) for child in both)
    thousands = (more - fewer) / (many - few) / 1000
    unit = "thousand/array" if what.endswith("array") else "thousand/report"
    return Figure(f"{COUNTED}{what}", f"{WHAT[what]}: instructions", unit, [thousands], "less")


def _said(child: Child) -> tuple[int, int]:
    """Instructions, and reports."""
    child.wait(_SECONDS)
    text = child.log.read_text(errors="replace")
    instructions_, reports = _COUNTED.search(text), _REPORTS.search(text)
    if instructions_ is None or reports is None:
        raise Failed(f"callgrind counted nothing: {child.words()}")
    return int(instructions_[1]), int(reports[1])


def timed(options: Options, what: str) -> Figure:
    used, reports = [], []
    for calls in (MOST // 2, MOST):
        with _child(options, what, calls, []) as child:
            used.append(child.wait(_SECONDS).cpu_seconds)
            found = _REPORTS.search(child.log.read_text())
        if found is None:
            raise Failed(f"the hot path said nothing: {child.words()}")
        reports.append(int(found[1]))
    micros = (used[1] - used[0]) / (reports[1] - reports[0]) * 1e6
    note = "Valgrind is not here: CPU time, good to a tenth at best"
    return Figure(f"cpu.{what}", f"{WHAT[what]}: CPU", "µs/report", [micros], "less", note)


def _child(options: Options, what: str, calls: int, tool: list[str]) -> Child:
    log = options.folder / f"{what}-{calls}.log"
    words: list[str | Path] = [*tool, sys.executable, "-m", "loadtest.hot_path", what, str(calls)]
    return Child(words, log, environment=_ENVIRONMENT)
