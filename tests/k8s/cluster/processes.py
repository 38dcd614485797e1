"""Programs that run beside the check, and end with it."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

END_SECONDS = 10


class Failed(Exception):
    """Says what a program did instead of what it should."""


@contextlib.contextmanager
def running(command: list[str | Path], log: Path) -> Iterator[Callable[[], None]]:
    """Starts it, and gives a function that raises Failed once it has ended by itself.

    In a session of its own, so that Ctrl-C is ours alone and programs end in order; setpriv ends it where we are
    killed.
    """
    name = Path(command[0]).name
    with log.open("w") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def check() -> None:
        if process.poll() is not None:
            raise Failed(f"{name} ended with code {process.returncode}:\n{log.read_text()[-2000:]}")

    try:
        yield check
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(true: Callable[[], object], what: str, seconds: float, check: Callable[[], None] = lambda: None) -> None:
    """Raises Failed after so many seconds, or as `check` does."""
    until = time.monotonic() + seconds
    while not true():
        check()
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)
