"""Messages under way: each in a thread of its own, and none for longer than a while."""

import queue
import threading
import time
from typing import NamedTuple

from alerts.channel import Channel, Failed
from alerts.record import Parcel

LONGEST_SECONDS = 60.0  # then it counts as failed, and what comes of it later is ignored


class Result(NamedTuple):
    parcel: Parcel
    failed: Failed | None


class _Begun(NamedTuple):
    parcel: Parcel
    at: float


class Sending:
    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}  # by channel
        self._results: queue.SimpleQueue[tuple[_Begun, Failed | None]] = queue.SimpleQueue()

    def __contains__(self, channel: str) -> bool:
        return channel in self._begun

    def __bool__(self) -> bool:
        return bool(self._begun)

    def parcels(self) -> dict[int, Parcel]:
        """Those under way, by number."""
        return {begun.parcel.seq: begun.parcel for begun in self._begun.values()}

    def send(self, channel: Channel, parcel: Parcel) -> None:
        """In a thread that ends with the process: it may hang in a library."""
        begun = self._begun[channel.key] = _Begun(parcel, time.monotonic())

        def send() -> None:
            failed = None
            try:
                channel.send(parcel.message)
            except Failed as error:
                failed = error
            except Exception as error:  # noqa: BLE001  (a library's; a channel must not stop the others)
                failed = Failed(f"failed: {type(error).__name__}")
            self._results.put((begun, failed))

        threading.Thread(target=send, name="alert", daemon=True).start()

    def results(self) -> list[Result]:
        """What came of those that are no longer under way."""
        found = []
        while not self._results.empty():
            begun, failed = self._results.get()
            if self._begun.get(begun.parcel.channel) is begun:
                found.append(self._end(begun, failed))
        oldest, late = time.monotonic() - LONGEST_SECONDS, Failed(f"no answer within {LONGEST_SECONDS:.0f} s")
        hung = [begun for begun in self._begun.values() if begun.at < oldest]
        return found + [self._end(begun, late) for begun in hung]

    def _end(self, begun: _Begun, failed: Failed | None) -> Result:
        del self._begun[begun.parcel.channel]
        return Result(begun.parcel, failed)
