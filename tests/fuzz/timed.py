"""No input of a few KiB may take longer than 50 ms of CPU time."""

from collections.abc import Callable
from time import thread_time

MOST_SECONDS = 0.05
_AGAIN = 3


class TooSlow(Exception):
    """Each of several tries took too long."""


def timed(run: Callable[[bytes], None], data: bytes) -> None:
    """Raises TooSlow, and what `run` raises. A slow one is tried again: a collection or another process may be why."""
    took = _seconds(run, data)
    if took > MOST_SECONDS and (took := min(_seconds(run, data) for _ in range(_AGAIN))) > MOST_SECONDS:
        raise TooSlow(f"{took * 1000:.0f} ms for {len(data)} bytes")


def _seconds(run: Callable[[bytes], None], data: bytes) -> float:
    began = thread_time()
    run(data)
    return thread_time() - began
