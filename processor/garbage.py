"""When Python looks for garbage in cycles, which no count of references finds: after each batch, hardly within one."""

import gc
import time

_ALL_SECONDS = 300.0


class Garbage:
    """One a process."""

    def __init__(self) -> None:
        # What a batch makes lives until its end: with the default thresholds a third of its time goes into looking.
        gc.set_threshold(100_000, 50, 100)
        self._all_at = time.monotonic() + _ALL_SECONDS

    def collect(self) -> None:
        """After a batch: what is new since the last time, in 0.2 ms; every five minutes everything, in 60 ms.

        clickhouse-connect 1.12 leaves the context of every insert in a cycle, and with it all of the insert's columns:
        ten objects for the thresholds, but 100 MiB after two minutes of 200 reports a second.
        """
        now = time.monotonic()
        if now < self._all_at:
            gc.collect(1)
        else:
            gc.collect()
            self._all_at = now + _ALL_SECONDS
