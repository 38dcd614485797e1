"""The servers that are measured, each started as its users start it, on the cores it is given."""

import contextlib
import json
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtest.bench import proc
from loadtest.bench.child import Child, Failed
from loadtest.bench.requests import Request

PROGRAM = Path(sys.executable).with_name("csp-sentinel")
_START_SECONDS = 60
_SPOOL_BYTES = 16 << 30
REPORT_PATH = "/csp/report"


@dataclass
class Server:
    """One that runs. `metrics` is the URL of Sentinel's; `data_dir` where its spool is."""

    child: Child
    url: str
    path_of: Callable[[Request], str]
    metrics: str = ""
    data_dir: Path | None = None

    def cpu_seconds(self) -> float:
        return proc.tree_cpu_seconds(self.child.pid)


@dataclass(frozen=True)
class Kind:
    """`start` is given a folder and the cores; `takes` says for which loads it is made."""

    key: str
    name: str
    start: Callable[[Path, int | str], contextlib.AbstractContextManager[Server]]
    takes: Callable[[str], bool] = lambda _load: True


def _to_report_path(_request: Request) -> str:
    return REPORT_PATH


@contextlib.contextmanager
def sentinel(
    folder: Path,
    cores: int | str,
    *,
    command: str = "ingest",
    flags: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`csp-sentinel ingest` or `run`, one worker unless `flags` say otherwise; all else by default, but for the spool's
    quota: nobody empties it, and arrays fill 2 GiB in five seconds.
    """
    data_dir = folder / "data"
    words: list[str | Path] = [PROGRAM, command, "--data-dir", data_dir, "--host", "127.0.0.1"]
    words += ["--port", "0", "--ops-port", "0"]
    words += ["--console-port", "0"] if command == "run" else []
    flags = flags if "--workers" in flags else (*flags, "--workers", "1")
    environment = {"SENTINEL_SPOOL_MAX_BYTES": str(_SPOOL_BYTES)} | dict(environment or {})
    with Child([*words, *flags], folder / "server.log", cores, environment) as child:
        where = places_of(child, data_dir / f"{command}.json")
        yield Server(child, where["collector"], _to_report_path, where["metrics"], data_dir)


def places_of(child: Child, file: Path, seconds: float = _START_SECONDS) -> dict[str, str]:
    """What `run` or `ingest` says in its data dir of where it listens. Raises Failed."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and child.running():
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, str] = json.loads(file.read_text())
            return found
        time.sleep(0.05)
    raise Failed(f"csp-sentinel did not start: {child.words()}")


def scraped(server: Server) -> dict[str, float]:
    """Sentinel's metrics by name and labels; they are a second old at most, so wait for that after a load."""
    with urllib.request.urlopen(server.metrics, timeout=10) as answer:  # noqa: S310  (our own, on loopback)
        lines = answer.read().decode().splitlines()
    rows = (line.rpartition(" ") for line in lines if line and line[0] != "#")
    return {name: float(value) for name, _, value in rows}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def until_listening(child: Child, port: int) -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends and child.running():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise Failed(f"{child.process.args!r} does not listen: {child.words()}")
