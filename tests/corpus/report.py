"""`make corpus-report`: how many of the captured reports get the right noise label and the right verdict, by rule.

Read what is left at the end when you write a rule: reports that should have got one, or another verdict.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from processor.normalise import normalise
from schema.report import EntryKind, entries
from schema.sites import Site
from schema.violation import Violation
from tests.corpus import right
from tests.corpus.captures import Capture, all_captures

# The hosts of the test pages: without them each page is somebody's development machine.
SITE = Site(hosts=("localhost", "127.0.0.1", "45.55.25.245", "*.localhost", "xn--bcher-kva.localhost"))
_LISTED = 40


class Judged(NamedTuple):
    capture: Capture
    row: Violation
    noise_is_right: bool
    verdict_is_right: bool

    @property
    def engine(self) -> str:
        year, _, _ = self.capture.name.partition(":")
        version = year if year == "2015" else re.findall(r"[\d.]+", self.capture.of["browser_version"])[0]
        return f"{self.capture.of['browser']} {version}"


def judged() -> Iterator[Judged]:
    """Every violation of every capture."""
    for capture in all_captures():
        delivery = capture.delivery()
        for entry in entries(capture.body):
            if entry.kind is EntryKind.VIOLATION:
                row = normalise(entry, delivery, SITE)
                noise_is_right = row.noise == right.noise(capture, entry.body)
                yield Judged(capture, row, noise_is_right, row.verdict in right.verdicts(capture, entry.body))


def main() -> None:
    console = Console(width=None if Console().is_terminal else 140)
    found = list(judged())
    console.print(_by_rule(found))
    console.print(_by_verdict(found))
    _leftovers(console, found)


def _by_rule(found: list[Judged]) -> Table:
    title = "Captured reports by engine and noise rule"
    table = Table("engine", "noise rule", "label", title=title, title_justify="left")
    for name in ("reports", "label right", "verdict right"):
        table.add_column(name, justify="right")
    groups: defaultdict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    for one in found:
        groups[one.engine, one.row.noise_rule or "–", one.row.noise or "–"].append(one)
    for key in sorted(groups):
        table.add_row(*key, *_shares(groups[key]))
    table.add_section()
    table.add_row("all", "", "", *_shares(found))
    return table


def _shares(some: list[Judged]) -> tuple[str, str, str]:
    return (
        str(len(some)),
        f"{sum(one.noise_is_right for one in some) / len(some):.1%}",
        f"{sum(one.verdict_is_right for one in some) / len(some):.1%}",
    )


def _by_verdict(found: list[Judged]) -> Table:
    table = Table("engine", "verdict", "why", title="… and by verdict", title_justify="left")
    table.add_column("reports", justify="right")
    counts = Counter((one.engine, one.row.verdict, _why(one.row)) for one in found)
    for (engine, verdict, why), count in sorted(counts.items()):
        table.add_row(engine, verdict, why, str(count))
    return table


def _why(row: Violation) -> str:
    return "" if row.verdict == "consistent" else row.verdict_reason


def _leftovers(console: Console, found: list[Judged]) -> None:
    """Those that are wrong; and those without a label whose policy does not plainly block them."""
    wrong = [one for one in found if not (one.noise_is_right and one.verdict_is_right)]
    open_ = [one for one in found if not one.row.noise and one.row.verdict != "consistent" and one.row.original_policy]
    for title, some in (("Wrong", wrong), ("Without a label, and not plainly blocked by their policy", open_)):
        console.print(f"\n{title}: {len(some)}")
        lines = Counter(_line(one) for one in some)
        for line, count in lines.most_common(_LISTED):
            console.print(f"  {count:4} × {escape(line)}", soft_wrap=True)
        if len(lines) > _LISTED:
            console.print(f"  … and {len(lines) - _LISTED} more kinds")


def _line(one: Judged) -> str:
    row = one.row
    what = f"{row.effective_directive} {row.blocked_kind} {row.blocked_url[:50]}"
    page = one.capture.of.get("case", "the page of 2015")
    return f"{one.engine}: {page}: {what}; {row.verdict} ({row.verdict_reason}), noise {row.noise or 'none'}"


if __name__ == "__main__":
    main()
