"""Waiting for what will be true."""

import contextlib
import http.client
import selectors
import socket
import time
from collections.abc import Callable
from typing import IO, TypeVar

_T = TypeVar("_T")


def wait_for(what: str, found: Callable[[], _T | None], seconds: float = 90) -> _T:
    """The first that is true; what can't be asked yet is asked again. AssertionError says what did not come."""
    ends = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            if result := found():
                return result
        assert time.monotonic() < ends, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def is_readable(file: IO[bytes] | socket.socket, seconds: float = 0) -> bool:
    """Unlike `select`, also where the tests before have opened a thousand files."""
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        return bool(selector.select(seconds))
