"""What came of a run: lines on the terminal, `results.json` and a chart beside what Locust writes itself."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from loadtest.bench.machine import machine
from loadtest.capacity.svg import Bars, Lines, document
from loadtest.capacity.svg import Line as Curve
from loadtest.load.account import Account
from loadtest.load.books import Books
from loadtest.load.limits import Look
from loadtest.load.profiles import Profile
from loadtest.load.verdict import Limit, Line, Requests


class Result(NamedTuple):
    """`books`: or why there are none. `seconds`: of load."""

    profile: Profile
    scale: float
    host: str
    seconds: float
    requests: Requests
    sent: Account
    books: Books | str
    limit: Limit | None
    lines: list[Line]
    notes: list[str]
    looks: list[Look]

    @property
    def holds(self) -> bool:
        return all(line.holds for line in self.lines)


def say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


def show(found: Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "holds": found.holds,
        **_named(found),
    }
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    if found.looks:
        (folder / "chart.svg").write_text(chart(found))
    print("\n".join(words(found, folder)), flush=True)


def _named(value: Any) -> Any:
    """Named tuples with their names, where msgspec writes their values alone."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _named(inner) for name, inner in value._asdict().items()}
    return [_named(inner) for inner in value] if isinstance(value, list | tuple) else value


def words(found: Result, folder: Path) -> list[str]:
    return [
        f"\n{found.profile.name} at scale {found.scale:g}, {found.seconds:.0f} s against {found.host}, "
        f"site {found.sent.site}",
        *(f"  {'holds ' if line.holds else 'FAILED'}  {line.text}" for line in found.lines),
        *(f"  note    {note}" for note in found.notes),
        f"  {folder}: results.json, chart.svg, report.html, requests.csv, failures.csv, history.csv",
        "everything held" if found.holds else "NOT everything held",
    ]


def chart(found: Result) -> str:
    looks, allowed = found.looks, found.profile.thresholds
    times = [
        Curve("p95", [(look.at, look.p95) for look in looks]),
        Curve("p99", [(look.at, look.p99) for look in looks]),
    ]
    times.append(Curve("p95 allowed", [(look.at, allowed.p95) for look in looks], dashed=True))
    rates = [
        Curve("requests answered", [(look.at, look.rate) for look in looks]),
        Curve("of them failed", [(look.at, look.failing) for look in looks]),
        Curve("posts asked", [(look.at, look.asked) for look in looks], dashed=True),
    ]
    panels: list[Lines | Bars] = [
        Lines("Requests, preflights too", "a second", rates, "seconds"),
        Lines("Answers", "ms", times, "seconds"),
    ]
    return document(f"{found.profile.name} at scale {found.scale:g}", panels)
