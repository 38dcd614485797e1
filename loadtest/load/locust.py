"""Locust as processes of their own: it patches the one that imports it. A master or the only one, and workers."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from loadtest.bench.child import Child
from loadtest.bench.servers import free_port
from loadtest.load.arguments import Given
from loadtest.load.books import LONGEST_SECONDS
from loadtest.load.pipeline import Places

_PROGRAM = [sys.executable, "-m", "locust", "-f", str(Path(__file__).parents[1] / "locustfile.py")]
_LOOPBACK = "127.0.0.1"
_PAGE_PORT = 8089  # Locust's own


def run(given: Given, places: Places, folder: Path) -> int:
    """Its exit code; 130 where Ctrl-C ended it and everything held until then."""
    given.results.mkdir(parents=True, exist_ok=True)
    port = str(free_port())
    with contextlib.ExitStack() as workers:
        for number in range(given.workers):
            words = [*_PROGRAM, "--worker", "--master-host", _LOOPBACK, "--master-port", port]
            workers.enter_context(Child([*words, "--loglevel", "ERROR"], folder / f"worker-{number}.log"))
        if given.ui:
            print(f"Locust's page: http://{_LOOPBACK}:{_PAGE_PORT}; Ctrl-C ends it", file=sys.stderr)
        code, stopped = _waited(_started([*_PROGRAM, *_words(given, places, port)]))
    return 130 if stopped and not code and not given.ui else code


def _words(given: Given, places: Places, port: str) -> list[str]:
    words = ["--host", places.collector, "--load-console", places.console, "--load-profile", given.profile]
    words += ["--load-scale", str(given.scale), "--load-minutes", str(given.minutes), "--load-seed", str(given.seed)]
    words += ["--load-results", str(given.results), "--loglevel", "ERROR"]
    words += ["--json-file", str(given.results / "locust")]  # instead of tables on the terminal
    words += ["--web-host", _LOOPBACK, "--web-port", str(_PAGE_PORT)] if given.ui else ["--headless", "--only-summary"]
    if given.workers:
        words += ["--master", "--master-bind-host", _LOOPBACK, "--master-bind-port", port]
        words += ["--expect-workers", str(given.workers), "--expect-workers-max-wait", "60"]
    return words


def _started(words: list[str]) -> "subprocess.Popen[bytes]":
    """In a session of its own: Ctrl-C comes to us, and we pass it on once."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "LOAD_"))}
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)


def _waited(process: "subprocess.Popen[bytes]") -> tuple[int, bool]:
    """Exit code, and whether Ctrl-C came. The first ends the load, the second the waiting, the third everything."""
    asked = 0
    try:
        while asked < 3:
            try:
                return process.wait(LONGEST_SECONDS if asked else None), bool(asked)
            except KeyboardInterrupt:
                asked += 1
                process.send_signal(signal.SIGINT)
            except subprocess.TimeoutExpired:
                break
        return 1, True
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
