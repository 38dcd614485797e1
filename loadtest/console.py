"""How long the console takes over a large store: every page and every path of the read API, by filters.

    python -m loadtest.console --rows 10000000 --data-dir /tmp/ten-million

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

_RETENTION_DAYS = 90
_PERIODS = {"hour": 3600, "day": 86400, "week": 7 * 86400, "month": 30 * 86400}
_FILTERS: dict[str, dict[str, str]] = {
    "all": {},
    "one site": {"site": "site-01"},
    "one directive": {"directive": "img-src"},
    "without noise": {"noise": "none"},
    "a word": {"q": "products"},
}
_PATHS = (
    "/", "/?sort=biggest", "/?sort=grouped", "/api/totals", "/api/violations", "/api/groups", "/api/series?by=noise",
    "/api/top?by=blocked_host", "/api/top?by=directive", "/api/ledger", "/api/sources", "/api/rejects",
)  # fmt: skip


class Timed(NamedTuple):
    """One question, asked in every round."""

    name: str
    value: float  # the 95th percentile, as `p95`
    unit: str
    p50: float
    p95: float
    rounds: list[float]


class _Question(NamedTuple):
    name: str
    target: str


def measure(data_dir: Path, size: int = 10_000_000, rounds: int = 5, *, quiet: bool = False) -> list[Timed]:
    """Fills `data_dir` where it is empty, and times every question, in ms."""
    with open_chdb(data_dir / "store") as engine, Progress(disable=quiet) as progress:
        until = _filled(engine, size, progress)
        app = build(engine, lambda: 0.0, token=None)
        asked = list(_questions(app, until))
        bar = progress.add_task("questions", total=len(asked) * (rounds + 1))
        taken: dict[str, list[float]] = {one.name: [] for one in asked}
        for number in range(rounds + 1):  # the first warms up
            for one in asked:
                milliseconds = _timed(app, one.target)
                if number:
                    taken[one.name].append(milliseconds)
                progress.advance(bar)
    return [_figure(name, times) for name, times in taken.items()]


def _figure(name: str, times: list[float]) -> Timed:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]
    return Timed(name, p95, "ms", statistics.median(times), p95, times)


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
    """Pages by period, paths by filter; and what only the answers know: a violation, the next page."""
    for path in _PATHS:
        if path == "/api/rejects":
            yield _Question(path, path)
            continue
        for name, filters in _FILTERS.items():
            if path == "/api/ledger" and name not in {"all", "one site"}:
                continue
            yield _Question(f"{path} {name}", _with(path, filters))
        for name, seconds in _PERIODS.items():
            yield _Question(f"{path} last {name}", _with(path, {"from": written(until - seconds)}))
    biggest = _answer(app, "/api/violations?limit=20")
    yield _Question("/api/violations second page", _with("/api/violations", {"limit": "20", "cursor": biggest["next"]}))
    groups = _answer(app, "/api/groups?limit=20")
    yield _Question("/api/groups second page", _with("/api/groups", {"limit": "20", "cursor": groups["next"]}))
    for name, item in (("biggest", biggest["items"][0]), ("20th", biggest["items"][-1])):
        yield _Question(f"/violations {name}", f"/violations/{item['fingerprint']}")
        yield _Question(f"/api/violations/one {name}", f"/api/violations/{item['fingerprint']}")


def _with(path: str, parameters: dict[str, str]) -> str:
    return f"{path}{'&' if '?' in path else '?'}{urlencode(parameters)}"


def _timed(app: Starlette, target: str) -> float:
    begun = time.perf_counter()
    asyncio.run(_asked(app, target))
    return (time.perf_counter() - begun) * 1000


def _answer(app: Starlette, target: str) -> Any:
    return msgspec.json.decode(asyncio.run(_asked(app, target)))


async def _asked(app: Starlette, target: str) -> bytes:
    """Raises RuntimeError where the answer is no 200."""
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
    body = b"".join(message.get("body", b"") for message in said)
    if said[0]["status"] != 200:
        raise RuntimeError(f"{target} is answered {said[0]['status']}: {body[:200]!r}")
    return body


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="loadtest.console", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
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
