"""`make bench`: the sections one after the other, and what came of them as a table, as JSON and as a chart."""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from loadtest.bench.child import Failed
from loadtest.bench.figures import Figure, rounded
from loadtest.bench.options import Options
from loadtest.bench.sections import SECTIONS


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    console = Console(stderr=True)
    folder = Path(tempfile.mkdtemp(prefix="csp-sentinel-bench-", dir=given.folder))
    options = Options(folder, given.rounds, given.seconds, given.reports, given.soak_minutes, given.quick)
    figures: list[Figure] = []
    try:
        for name in given.sections or SECTIONS:
            console.rule(name)
            figures += SECTIONS[name](options)
    except Failed as error:
        console.print(f"failed: {error}", style="red", highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for figure in figures:
        print(f"{figure.name:<50} {rounded(figure.value or 0):>12} {figure.unit}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--reports", type=int, default=200_000)
    parser.add_argument("--soak-minutes", type=float, default=10)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path)
    return parser
