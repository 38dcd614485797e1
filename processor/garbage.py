"""When Python looks for garbage in cycles, which no count of references finds: after each batch, hardly within one."""

import ctypes
import gc
import time

_ALL_SECONDS = 300.0


class Garbage:
    """One a process."""

    def __init__(self) -> None:
        # What a batch makes lives until its end: with the default thresholds a third of its time goes into looking.
        gc.set_threshold(100_000, 50, 100)
        self._all_at = time.monotonic() + _ALL_SECONDS
        # glibc keeps what a large batch took (80 MiB of 92, as after an outage of the log) until it is asked.
        self._give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def collect(self) -> None:
        """After a batch: what is new since the last time, in 0.2 ms; every five minutes everything, in 60 ms, and
        the memory that is free then goes back to the system.

        clickhouse-connect 1.12 leaves the context of every insert in a cycle, and with it all of the insert's columns:
        ten objects for the thresholds, but 100 MiB after two minutes of 200 reports a second.
        """
        now = time.monotonic()
        if now < self._all_at:
            gc.collect(1)
        else:
            gc.collect()
            if self._give_back is not None:
                self._give_back(0)
            self._all_at = now + _ALL_SECONDS
