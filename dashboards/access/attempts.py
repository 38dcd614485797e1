"""How many wrong tokens are borne: so many a minute from an address, and so many in all.

Counted in a fixed number of places that addresses share: nobody's address is kept, and a flood takes no memory.
"""

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable

WINDOW_SECONDS = 60
OF_ONE = 20  # wrong ones a window, from an address
OF_ALL = 200
_PLACES = 1024


class Attempts:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._key = secrets.token_bytes(16)  # so that nobody can choose whom to share a place with
        self._window = 0
        self._all = 0
        self._wrong = [0] * _PLACES

    def wait(self, address: str) -> int:
        """Seconds until `address` may try again; 0: now."""
        self._turn()
        if self._all < OF_ALL and self._wrong[self._place(address)] < OF_ONE:
            return 0
        return max(1, int((self._window + 1) * WINDOW_SECONDS - self._now()) + 1)

    def failed(self, address: str) -> None:
        self._turn()
        self._all += 1
        self._wrong[self._place(address)] += 1

    def _turn(self) -> None:
        window = int(self._now() // WINDOW_SECONDS)
        if window != self._window:
            self._window, self._all, self._wrong = window, 0, [0] * _PLACES

    def _place(self, address: str) -> int:
        digest = hashlib.blake2b(_network(address).encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big") % _PLACES


def _network(address: str) -> str:
    """Of IPv6 the first 64 bits: the rest is chosen by whoever has them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
