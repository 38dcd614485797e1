"""Heads of requests that were parsed before: the same bytes mean the same, so what they said is kept.

Browsers and proxies repeat themselves: on a connection little but the length changes, and visitors of a page have few
different browsers. Then the parser and its callbacks are spared.
"""

from typing import NamedTuple

from ingest.told import Told

_LONGEST = 2048  # bytes of a head; browsers' own have 300 to 900
_MOST = 2048  # of a generation: at most 8 MB for both, and their fields, which are parts of them

END = b"\r\n\r\n"


class Head(NamedTuple):
    """What a head said."""

    is_post: bool
    length: int  # of the body
    keeps: bool  # the connection goes on after it
    told: Told  # its site is empty where the label can't be one


class Heads:
    """Of one worker. Two generations: what was asked for lately outlives the rest, and forgetting costs nothing."""

    def __init__(self) -> None:
        self._new: dict[bytes, Head] = {}
        self._old: dict[bytes, Head] = {}

    def find(self, head: bytes) -> Head | None:
        found = self._new.get(head)
        if found is None and head in self._old:
            found = self._old[head]
            self._add(head, found)
        return found

    def remember(self, head: bytes, said: Head) -> None:
        """Call it for a head the parser took as a whole: framed by a plain Content-Length, or without a body.

        A line that ends in a bare LF could end the head earlier than it looks; no browser sends one.
        """
        if len(head) <= _LONGEST and head.count(b"\n") == head.count(b"\r\n"):
            self._add(head, said)

    def _add(self, head: bytes, said: Head) -> None:
        if len(self._new) >= _MOST:
            self._old, self._new = self._new, {}
        self._new[head] = said
