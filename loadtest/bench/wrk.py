"""The load generator wrk, on a core of its own, and what it says of a run."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

from loadtest.bench.child import Child, Failed
from loadtest.bench.options import Options

SCRIPT = Path(__file__).parents[1] / "lua" / "requests.lua"
CONNECTIONS = 64
_BUSY = 0.97  # of its core: then it is the client that is measured
_SAID = re.compile(r"^bench (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)


class Run(NamedTuple):
    """`requests` were answered. `refused`: with 400 or more. `broken`: connections, by any cause."""

    requests: int
    seconds: float
    refused: int
    broken: int
    client_busy: float  # share of a core

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def saturated(self) -> bool:
        return self.client_busy > _BUSY


def reason_missing() -> str:
    return "" if shutil.which("wrk") else "wrk is not here (Debian: apt-get install wrk)"


def wrk(
    options: Options, url: str, table: Path, seconds: float, connections: int = CONNECTIONS, cores: str = ""
) -> Run:
    """`cores` as taskset has them; by default the client's. Raises Failed."""
    threads = str(len(cores.split(",")) if cores else 1)
    command = [
        "wrk",
        f"-t{threads}",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "-s",
        str(SCRIPT),
        url,
        "--",
        str(table),
    ]
    log = options.folder / "wrk.log"
    log.unlink(missing_ok=True)
    with Child(command, log, cores or options.client_core) as child:
        used = child.wait(seconds + 30)
    said = _SAID.search(log.read_text())
    if said is None:
        raise Failed(f"wrk said nothing that can be read: {child.words()}")
    requests, micros, refused, connect, transfer, timeout = map(int, said.groups())
    return Run(requests, micros / 1e6, refused, connect + transfer + timeout, used.cpu_seconds / used.wall_seconds)
