"""When what goes wrong, chosen by a seed: first everything, then only what leaves our processes alive to grow old."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

KILLING_SHARE = 1 / 3  # of the time


class Trouble(NamedTuple):
    """`do` returns what it did when it is over; AssertionError and OSError say that it did not happen as it should."""

    name: str
    ends_processes: bool
    do: Callable[[Random], str]


@dataclass(frozen=True)
class Happened:
    """Seconds since the soak began."""

    of: str
    name: str
    began: float
    ended: float
    said: str
    failed: bool

    def __str__(self) -> str:
        return f"{self.of}: {self.name}: {'DID NOT: ' if self.failed else ''}{self.said}"


class Timetable(threading.Thread):
    """All troubles in an order by chance, then again, also where one fails. `happened` may be read at any time."""

    def __init__(
        self, of: str, troubles: Sequence[Trouble], seconds: float, seed: int, tell: Callable[[str], None]
    ) -> None:
        super().__init__(daemon=True, name=f"timetable-{of}")
        self.happened: list[Happened] = []
        self._of, self._troubles, self._seconds, self._tell = of, troubles, seconds, tell
        self._chance = Random(f"{seed} {of}")
        self._over = threading.Event()

    def run(self) -> None:
        began, pause = time.monotonic(), max(1.0, self._seconds / 100)
        waiting: list[Trouble] = []
        while not self._over.wait(pause * self._chance.uniform(0.5, 1.5)):
            at = time.monotonic() - began
            if at < self._seconds * KILLING_SHARE:
                chosen = self._troubles
            else:
                chosen = [trouble for trouble in self._troubles if not trouble.ends_processes]
            waiting = [trouble for trouble in waiting if trouble in chosen] or self._chance.sample(chosen, len(chosen))
            self._do(waiting.pop(), began)

    def _do(self, trouble: Trouble, began: float) -> None:
        at, failed = time.monotonic(), False
        try:
            said = trouble.do(self._chance)
        except (AssertionError, OSError) as error:
            said, failed = str(error), True
        found = Happened(self._of, trouble.name, at - began, time.monotonic() - began, said, failed)
        self.happened.append(found)
        self._tell(f"{found} ({found.ended - found.began:.0f} s)")

    def stop(self) -> None:
        """Returns when what goes wrong now is over."""
        self._over.set()
        self.join()
