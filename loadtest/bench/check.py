"""`make bench-check`: has the hot path got dearer? Compares with recorded.json; exit code 1 on a loss of more than 10%,
2 where no instructions could be counted.

Ratios are of CPU time a request, server by server in turn: what else runs on the machine takes time from all of them,
and adds less to what a request costs. With a core to itself a server answers as many as that cost allows. A ratio that
looks lost may have moved with the machine: then the recorded commit's code runs in turn with today's, and that decides.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from loadtest.bench import itself, machine, recorded, wrk
from loadtest.bench.arguments import count
from loadtest.bench.child import Failed
from loadtest.bench.collector import FAST, GRANIAN
from loadtest.bench.durability import MEMORY
from loadtest.bench.figures import Figure, ratio, skipped
from loadtest.bench.instructions import COUNTED, instructions
from loadtest.bench.loaded import Pace, in_turn
from loadtest.bench.options import Options
from loadtest.bench.peers import NGINX, nginx_missing
from loadtest.bench.recorded import Line, Record, Value
from loadtest.bench.requests import Load, legacy


class _Ratio(NamedTuple):
    name: str
    cheap: str
    dear: str


_RATIOS = {
    "check.fast-over-nginx": _Ratio("fast over nginx, CPU a request", "nginx", "fast"),
    "check.granian-over-nginx": _Ratio("granian over nginx, CPU a request", "nginx", "granian"),
    "check.disk-over-memory": _Ratio("disk over memory, CPU a request", "memory", "fast"),
}
_STYLES = {"lost": "red", "better": "green", "missing": "yellow", "moved": "yellow"}


def main(words: list[str]) -> int:
    given = _arguments(words)
    console = Console(stderr=True)
    record = None if given.record else recorded.load()
    if record is None and not given.record:
        console.print("nothing is recorded yet: python -m loadtest.bench.check --record")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="csp-sentinel-bench-") as folder:
            options = Options(Path(folder), given.rounds, given.seconds, console=console)
            figures = measured(options)
            deciding = doubted(record, figures, options) if record else {}
    except (Failed, OSError) as error:
        console.print(f"failed: {error}", style="red", highlight=False, markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    if record is None:
        if left_out := [figure.name for figure in figures if figure.value is None]:
            console.print(f"not recorded, because these could not be measured: {', '.join(left_out)}", style="red")
            return 1
        recorded.save(_record(figures))
        console.print(f"recorded in {recorded.FILE}")
        return 0
    return judge(record, figures, deciding)


def doubted(record: Record, figures: list[Figure], options: Options) -> dict[str, Figure]:
    """What decides, by key of a ratio that looks lost: its server against itself."""
    found = recorded.values(figures)
    measured = [key for key in _RATIOS if key in record.figures and key in found]
    lost = [key for key in measured if recorded.loss(record.figures[key], found[key]) > recorded.MOST_LOST]
    servers = dict.fromkeys(_RATIOS[key].dear for key in lost)
    decided = {server: itself.over_itself(options, server, record.commit, _load()) for server in servers}
    return {key: decided[_RATIOS[key].dear] for key in lost}


def judge(record: Record, figures: list[Figure], deciding: Mapping[str, Figure]) -> int:
    """Prints the comparison. `deciding` as by `doubted`."""
    figures = [*figures, *{figure.key: figure for figure in deciding.values()}.values()]
    found = recorded.values(figures)
    unchanged = {figure.key: Value(figure.name, "x", "more", 1.0) for figure in deciding.values()}
    lines = recorded.compare(record.figures | unchanged, found, deciding)
    Console(width=None if Console().is_terminal else 160).print(_table(record, lines))
    for note in dict.fromkeys(figure.note for figure in figures if figure.note):
        print(note)
    if (now := machine.machine()["python"]) != (then := record.machine.get("python", "")):
        print(f"recorded with Python {then}, this is {now}: its own instructions are compared too")
    lost = [line.name for line in lines if line.bad]
    if lost:
        print(f"lost more than {recorded.MOST_LOST:.0%}: {', '.join(lost)}", file=sys.stderr)
        return 1
    if not any(key.startswith(COUNTED) for key in record.figures.keys() & found.keys()):
        print("no instructions were compared, so a loss may go unseen: install Valgrind", file=sys.stderr)
        return 2
    if any(figure.value is None for figure in deciding.values()):
        print("not decided, so not called lost: what moved; the instructions are as they were", file=sys.stderr)
    return 0


def measured(options: Options) -> list[Figure]:
    return _ratios(options) + instructions(options)


def _ratios(options: Options) -> list[Figure]:
    reason = wrk.reason_missing() or nginx_missing()
    kinds = [FAST, GRANIAN, MEMORY] if nginx_missing() else [FAST, GRANIAN, MEMORY, NGINX]
    if wrk.reason_missing():
        return [skipped(key, name, reason) for key, (name, _, _) in _RATIOS.items()]
    rounds = in_turn(options, kinds, _load(), Pace(options.seconds))
    cost = {key: [one.cpu_us for one in done] for key, done in rounds.items()}
    return [
        ratio(key, name, cost[cheap], cost[dear]) if cheap in cost else skipped(key, name, reason)
        for key, (name, cheap, dear) in _RATIOS.items()
    ]


def _load() -> Load:
    return Load("legacy", "900 B reports", legacy())


def _record(figures: list[Figure]) -> Record:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(now, machine.commit(), machine.machine(), machine.versions(), recorded.values(figures))


def _table(record: Record, lines: list[Line]) -> Table:
    made = Table(title=f"recorded {record.date[:10]} on {record.machine.get('processor', '')}", title_justify="left")
    for name in ("figure", "recorded", "now", "lost", ""):
        made.add_column(name, justify="left" if name in {"figure", ""} else "right")
    for line in lines:
        lost = "" if line.lost is None else f"{line.lost:+.1%}"
        made.add_row(line.name, line.recorded, line.found, lost, line.said, style=_STYLES.get(line.said))
    return made


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write down what is measured, to be compared with later")
    parser.add_argument("--rounds", type=count, default=5, help="of the servers in turn [5]")
    parser.add_argument("--seconds", type=count, default=3, help="of a run under load [3]")
    given = parser.parse_args(words)
    if given.record and not (commit := machine.commit()).isalnum():
        first = "commit your changes first" if commit else "there is no git checkout here"
        parser.exit(1, f"{first}: a record names the commit whose code made its figures\n")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
