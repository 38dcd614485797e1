"""What is wrong with a stage right now: written by the stage, told by the console, and by /ready where it hinders."""

import threading
import time
from typing import NamedTuple

_MOST = 10  # told of what hinders nothing; more only say the same louder
_LONGEST = 300  # characters


class _Wrong(NamedTuple):
    since: float  # seconds since the epoch
    sentence: str
    hinders: bool


class Health:
    """For any thread; no call waits. `name` tells what is wrong apart from what else may be wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: dict[str, _Wrong] = {}

    def wrong(self, name: str, sentence: str, *, hinders: bool = True) -> bool:
        """`sentence`: "what is wrong: why". Said again it is renewed, and has been so since it was first said.
        `hinders`: the stage can't do its work.

        Whether this is news, for who writes it into the log.
        """
        with self._lock:
            known = self._wrong.get(name)
            if known is None and not hinders and len(self._wrong) >= _MOST:
                return False
            self._wrong[name] = _Wrong(known.since if known else time.time(), sentence, hinders)
            return known is None or known.sentence != sentence

    def right(self, name: str) -> None:
        with self._lock:
            self._wrong.pop(name, None)

    def problems(self) -> list[str]:
        """A line for each thing that hinders, the first first: "what is wrong since 2026-07-01T12:03:10Z: why"."""
        with self._lock:
            return [_line(wrong) for wrong in self._wrong.values() if wrong.hinders]

    def troubles(self) -> list[str]:
        """The same of all that is wrong."""
        with self._lock:
            return [_line(wrong) for wrong in self._wrong.values()]


def _line(wrong: _Wrong) -> str:
    what, colon, why = " ".join(wrong.sentence.split())[:_LONGEST].partition(": ")
    return f"{what} since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(wrong.since))}{colon}{why}"
