"""Waiting for what will be true."""

import contextlib
import http.client
import time
from collections.abc import Callable
from typing import TypeVar

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
