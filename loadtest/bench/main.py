"""`make bench`: the sections one after the other, and what came of them as a table, as JSON and as charts."""

import argparse
import shlex
import shutil
import signal
import tempfile
from pathlib import Path

from rich.console import Console

from loadtest.bench import arguments, costs, results
from loadtest.bench.chart import chart, memory
from loadtest.bench.child import Failed
from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.bench.results import Results
from loadtest.bench.sections import SECTIONS
from loadtest.bench.table import table


def main(words: list[str]) -> int:
    """Exit code 0 measured, 1 a section failed, 130 stopped by Ctrl-C before its time."""
    given = arguments.read(words)
    console = Console(stderr=True)
    kept = results.load(given.results)
    code = 0 if given.show else measure(given, kept, console, shlex.join(words))
    show(kept, given)
    return code


def measure(given: argparse.Namespace, kept: Results, console: Console, asked: str) -> int:
    """What a section found is saved before the next begins."""
    for number in (signal.SIGTERM, signal.SIGINT):  # so that the children are ended then too
        signal.signal(number, signal.default_int_handler)
    code = 0
    try:
        for name in given.sections:
            console.rule(name)
            try:
                figures = _measured(given, name, console)
            except (Failed, OSError) as error:
                console.print(f"{name} failed: {error}", style="red", highlight=False, markup=False)
                code = 1
                continue
            kept.sections[name] = results.section(figures, asked)
            results.save(kept, given.results)
    except KeyboardInterrupt:
        console.print("stopped; what was measured by then is kept")
        return 130
    return code


def _measured(given: argparse.Namespace, name: str, console: Console) -> list[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="csp-sentinel-bench-", dir=given.folder))
    try:
        return SECTIONS[name](_options(given, folder, console))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options(given: argparse.Namespace, folder: Path, console: Console) -> Options:
    return Options(
        folder=folder,
        rounds=given.rounds,
        seconds=given.seconds,
        reports=given.reports,
        soak_minutes=given.soak_minutes,
        quick=given.quick,
        server_core=given.server_core,
        client_core=given.client_core,
        console=console,
    )


def show(kept: Results, given: argparse.Namespace) -> None:
    """The sections that were asked for on standard output, all that there are in the charts."""
    figures = kept.figures([name for name in given.sections if name in kept.sections])
    if not figures:
        return
    Console(width=None if Console().is_terminal else 160).print(table(figures))
    every = kept.figures(list(SECTIONS))
    (given.results / "results.svg").write_text(chart(every, _title(kept)))
    soaked = [figure for figure in every if figure.key.startswith("soak.") and len(figure.detail) > 1]
    if soaked:
        (given.results / "soak.svg").write_text(memory(soaked, "CSP-Sentinel: memory in the soak"))
    if written := costs.write(kept, given.results):
        print(f"{written}: for `csp-sentinel plan --costs {written}`")
    print(f"{given.results / results.FILE}, results.svg{' and soak.svg' if soaked else ''}: the same, and every round")


def _title(kept: Results) -> str:
    newest = max(kept.sections.values(), key=lambda section: section.date)
    cores, processor = newest.machine.get("cores", "?"), newest.machine.get("processor", "")
    return f"CSP-Sentinel on {cores} cores ({processor}), {newest.date[:10]}"
