"""A process that gets a share of its core's time only: stopped and continued, many times a second."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from loadtest.bench.child import Child

_TURN_SECONDS = 0.05


@contextlib.contextmanager
def throttled(child: Child, share: float) -> Iterator[None]:
    """With its own children; it runs freely again afterwards."""
    ends = threading.Event()

    def turns() -> None:
        with contextlib.suppress(ProcessLookupError):  # ended by itself: who waits for it says so
            while not ends.wait(_TURN_SECONDS * share):
                os.killpg(child.pid, signal.SIGSTOP)
                ends.wait(_TURN_SECONDS * (1 - share))
                os.killpg(child.pid, signal.SIGCONT)

    thread = threading.Thread(target=turns)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
