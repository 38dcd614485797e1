"""How long the console takes over a large store: pages and paths of the read API that count reports, by filters.

    python -m loadtest.console --rows 10000000 --data-dir ten-million

The real application answers, in this process, one question after another. The store is filled first where it is empty,
and has merged what it wants to merge. Rounds take turns, so that a busy moment is nobody's alone.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from starlette.applications import Starlette

from dashboards.app import build
from dashboards.times import written
from loadtest import rows
from schema.clickhouse import Engine, open_chdb
from schema.migrate import migrate

ROUNDS = 20  # of five, the 95th percentile is nearly the slowest
_RETENTION_DAYS = 90
_DEFAULT = "as opened"
_FILTERS: dict[str, dict[str, str]] = {
    _DEFAULT: {},
    "one site": {"site": "site-01"},
    "one directive": {"directive": "img-src"},
    "without noise": {"noise": "none"},
    "a word": {"q": "products"},
}
_PERIODS = {"last day": 86400, "last week": 7 * 86400}
_EVER = {"from": written(0)}
PAGES = ("/", "/violations", "/violations?sort=biggest", "/violations?sort=grouped", "/sources", "/policies", "/sites")
_API = (
    "/api/totals", "/api/violations", "/api/groups", "/api/series?by=noise", "/api/top?by=blocked_host",
    "/api/top?by=directive", "/api/ledger", "/api/sources", "/api/rejects",
)  # fmt: skip
_ONLY = {
    "/api/ledger": {_DEFAULT, "one site"},
    "/api/rejects": {_DEFAULT},
    "/api/sources": {_DEFAULT, "one site"},
    "/policies": {_DEFAULT, "one site"},
    "/sites": {_DEFAULT},
}
_TIMELESS = {"/api/rejects", "/sources", "/policies", "/sites"}  # no `from`


class Timed(NamedTuple):
    """One question, asked in every round."""

    path: str
    filters: str
    rounds: list[float]  # ms; of one that was refused up to that
    refused: list[int]  # statuses

    @property
    def name(self) -> str:
        refused = f" (answered {self.refused[0]})" if self.refused else ""
        return f"{self.path}, {self.filters}{refused}"

    @property
    def p50(self) -> float:
        return statistics.median(self.rounds)

    @property
    def p95(self) -> float:
        return p95(self.rounds)

    @property
    def page(self) -> bool:
        """What a person opens, of no period but the page's own."""
        return not self.path.startswith("/api/") and self.filters in _FILTERS


class _Question(NamedTuple):
    path: str
    filters: str
    target: str


def measure(data_dir: Path, size: int = 10_000_000, rounds: int = ROUNDS, *, quiet: bool = False) -> list[Timed]:
    """Fills `data_dir` where it is empty, and times every question: a page in each round, all else in every fourth. One
    that is refused as too much is asked once.
    """
    with open_chdb(data_dir / "store") as engine, Progress(disable=quiet) as progress:
        until = _filled(engine, size, progress)
        app = build(engine, lambda: 0.0, token=None)
        asked = list(_questions(app, until))
        bar = progress.add_task("questions", total=len(asked) * rounds)
        taken = {one: Timed(one.path, one.filters, [], []) for one in asked}
        _asked_of(app, "/")  # warms up
        for number in range(rounds):
            for one, its in taken.items():
                if not its.refused and (its.page or number % 4 == 0):
                    _time(app, one.target, its)
                progress.advance(bar)
    return list(taken.values())


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def _filled(engine: Engine, size: int, progress: Progress) -> int:
    """The end of what is in the store, s."""
    client = engine.client()
    migrate(client, _RETENTION_DAYS)
    newest = "SELECT toUnixTimestamp(max(window)) + 600, count() FROM violations"
    until, found = client.query(newest).result_rows[0]
    if not found:
        until = int(time.time()) // 600 * 600
        bar = progress.add_task("rows", total=size)
        rows.fill(client, rows.Size.of(size), until, lambda count: progress.advance(bar, count))
        rows.settle(client)
    client.close()
    return int(until)


def _questions(app: Starlette, until: int) -> Iterator[_Question]:
    """Every path by filters and by periods; and what only the answers know: a violation, the next page."""
    for path in (*PAGES, *_API):
        for name, filters in _FILTERS.items():
            if name in _ONLY.get(path, _FILTERS):
                yield _Question(path, name, _with(path, filters))
        if path in _TIMELESS:
            continue
        for name, seconds in _PERIODS.items():
            yield _Question(path, name, _with(path, {"from": written(until - seconds)}))
        if path in PAGES:
            yield _Question(path, "everything", _with(path, _EVER))
    for path in ("/api/violations", "/api/groups"):
        first = _answer(app, f"{path}?limit=20")
        yield _Question(path, "second page", _with(path, {"limit": "20", "cursor": first["next"]}))
    its = _answer(app, "/api/violations?limit=20")["items"]
    for path in ("/violations/{fingerprint}", "/api/violations/{fingerprint}"):
        yield _Question(path, _DEFAULT, path.format(fingerprint=its[0]["fingerprint"]))
        yield _Question(path, "the 20th", path.format(fingerprint=its[-1]["fingerprint"]))


def _with(path: str, parameters: dict[str, str]) -> str:
    return f"{path}{'&' if '?' in path else '?'}{urlencode(parameters)}"


def _time(app: Starlette, target: str, its: Timed) -> None:
    begun = time.perf_counter()
    status, _ = _asked_of(app, target)
    its.rounds.append((time.perf_counter() - begun) * 1000)
    if status != 200:
        its.refused.append(status)


def _answer(app: Starlette, target: str) -> Any:
    """Raises RuntimeError where the answer is no 200: nothing can be asked about it then."""
    status, body = _asked_of(app, target)
    if status != 200:
        raise RuntimeError(f"{target} is answered {status}: {body[:200]!r}")
    return msgspec.json.decode(body)


def _asked_of(app: Starlette, target: str) -> tuple[int, bytes]:
    return asyncio.run(_asked(app, target))


async def _asked(app: Starlette, target: str) -> tuple[int, bytes]:
    """Status and body."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "server": ("127.0.0.1", 8081),
        "headers": [(b"host", b"127.0.0.1:8081"), (b"accept", b"text/html")],
    }  # fmt: skip
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="loadtest.console", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--data-dir", type=Path, help="kept, and filled only once; without it a temporary one")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(given.data_dir or Path(temporary), given.rows, given.rounds)
    table = Table("question", "p50 ms", "p95 ms")
    for one in found:
        table.add_row(one.name, f"{one.p50:.0f}", f"{one.p95:.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
