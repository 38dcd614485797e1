"""Token buckets: how much is taken of a site, and of a client's network."""

import os
import socket
import struct
from array import array
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from schema.delivery import COUNT, KIND, LEFT_OUT, Kind
from schema.sites import MOST_RATE, Sites

BURST_SECONDS = 10.0  # of the rate at once, where nothing else is said: Chromium's tabs send together, once a minute
_CARRIED_SECONDS = 60.0


class Bucket:
    """A token bucket, kept as one moment: when it will be full again. A token is a report."""

    __slots__ = ("_depth", "_each", "_full_at", "_left_at", "_left_out")

    def __init__(self, rate: float, burst: float) -> None:
        """`rate` in tokens a second; `burst` is what it holds."""
        self._each = 1 / rate  # s
        self._depth = burst / rate  # s
        self._full_at = self._left_at = 0.0
        self._left_out = 0

    def take(self, reports: int, now: float) -> int | None:
        """None where the bucket is empty. Else how many reports, left out since the last ones taken, these stand for.

        A body is taken whole if there is a token, and the bucket owes the rest: so long arrays come in now and then,
        and the rate holds. `now` in s, of a clock that nobody sets.
        """
        full_at = max(self._full_at, now)
        if full_at - now > self._depth - self._each / 2:
            self._left_out += reports
            self._left_at = now
            return None
        self._full_at = full_at + reports * self._each
        # Long after a flood a report is not one of its: what was left out last stays out of the estimate.
        left_out = self._left_out if now - self._left_at < _CARRIED_SECONDS else 0
        self._left_out = min(0, left_out)
        return max(0, left_out)

    def follow(self, before: "Bucket", now: float) -> None:
        """Go on where `before`, of another rate, ended: as empty as it was, and with what it left out."""
        used = max(0.0, before._full_at - now) / before._each
        self._full_at = now + min(used * self._each, self._depth)
        self._left_out, self._left_at = before._left_out, before._left_at

    @property
    def left_out(self) -> int:
        """Reports that the next ones taken stand for, if they come soon; below 0 what was turned away after it."""
        return self._left_out

    def give_back(self, reports: int) -> None:
        """What `take` returned with reports that were turned away after it; below 0: such as it left out itself."""
        self._left_out += reports


def of_sites(sites: Sites, workers: int, before: Mapping[str, Bucket], now: float) -> dict[str, Bucket]:
    """One worker's share of each site's limit, by label; it goes on where those of `before` end.

    A site that lost its limit keeps a bucket that is never empty while what was left out waits to be stood for.
    """
    found = {}
    for label, site in (sites.table or {}).items():
        if site.rate_limit is not None:
            rate = site.rate_limit / workers
            burst = rate * BURST_SECONDS if site.burst is None else site.burst / workers
            found[label] = Bucket(rate, max(1.0, burst))
    freed = {label for label, bucket in before.items() if bucket.left_out and sites.known(label)}
    found |= {label: Bucket(MOST_RATE, MOST_RATE) for label in freed - found.keys()}
    for label in found.keys() & before.keys():
        found[label].follow(before[label], now)
    return found


def together(taken: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Deliveries, by their fields, with one for all that is over a site's limit: a flood leaves little in the spool."""
    found: list[tuple[Any, ...]] = []
    limited: dict[str, tuple[Any, ...]] = {}
    for fields in taken:
        moment, site, kind, count, *rest = fields
        if kind is Kind.LIMITED:
            before = limited[site][COUNT] if site in limited else 0
            limited[site] = (moment, site, kind, before + count, *rest)
        else:
            found.append(fields)
    return found + list(limited.values())


def turned_away(bucket: Bucket, fields: tuple[Any, ...]) -> None:
    """Of a Delivery that the spool had no room for, so that the next ones taken stand for the right number."""
    if fields[KIND] is Kind.LIMITED:
        bucket.give_back(-fields[COUNT])
    elif len(fields) > LEFT_OUT:
        bucket.give_back(fields[LEFT_OUT])


_ROWS, _COLUMNS = 4, 1 << 16
Cells = tuple[int, ...]  # a network's places in the table


class Clients:
    """The buckets of clients' networks, in a table of a fixed size (2 MiB), whatever number of them there is.

    Like a count-min sketch: a network has a place in each of four rows, shares it with others, and is over the limit
    where all four are. While ten thousand networks flood, one in 2,500 of the others is taken for one of them.
    Networks are known by a hash under a salt of this process alone, so nobody can choose with whom to share, and what
    is kept says nothing of an address once the process has ended.
    """

    def __init__(self, rate: float) -> None:
        """`rate` in requests a second."""
        self._each = 1 / rate
        self._depth = max(1.0, rate * BURST_SECONDS) / rate
        self._full_at = array("d", bytes(8 * _ROWS * _COLUMNS))
        self._salt = os.urandom(32)

    def cells(self, address: str) -> Cells:
        """Of a client's IP address; none for what is no such address (a UNIX socket's peer)."""
        network = network_of(address)
        if not network:
            return ()
        columns = struct.unpack("<4H", blake2b(network, key=self._salt, digest_size=2 * _ROWS).digest())
        return tuple(row * _COLUMNS + column for row, column in enumerate(columns))

    def take(self, cells: Cells, now: float) -> bool:
        """Whether one more request is below the limit; `now` in s, of a clock that nobody sets."""
        if not cells:
            return True
        full_at = self._full_at
        if min([full_at[cell] for cell in cells]) - now > self._depth - self._each / 2:
            return False
        most = now + self._depth  # another's flood must not make it owe
        for cell in cells:
            full_at[cell] = min(max(full_at[cell], now) + self._each, most)
        return True


# IPv4 clients of an IPv6 socket (RFC 4291 §2.5.5.2), and those that come through a translator (RFC 6052 §2.1): all of
# IPv4 is in one /48 of either.
_MAPPED = (bytes(10) + b"\xff\xff", b"\x00\x64\xff\x9b" + bytes(8))


def network_of(address: str) -> bytes:
    """IPv4: /24. IPv6: /48, the most that one site is given (RFC 6177). Empty for what is no IP address."""
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address.partition("%")[0])
    except OSError:
        return b""
    if len(packed) == 16 and packed.startswith(_MAPPED):
        packed = packed[12:]
    return packed[:3] if len(packed) == 4 else packed[:6]
