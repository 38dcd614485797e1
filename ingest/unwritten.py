"""What there was no room to write down: counted in memory until there is."""

import contextlib
from collections import Counter
from time import time

from ingest.spool import Spool
from log.protocols import LogFull
from schema.delivery import Kind
from schema.reasons import Reason

_MOST = 1000  # different pairs of site and reason; reports of further ones are counted under no site


class Unwritten:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, Reason]] = Counter()

    def add(self, site: str, reason: Reason, requests: int = 1) -> None:
        key = (site, reason)
        self.counts[key if key in self.counts or len(self.counts) < _MOST else ("", reason)] += requests

    def write(self, spool: Spool) -> None:
        for site, reason in list(self.counts):
            refusal = (int(time() * 1000), site, Kind.REFUSAL, self.counts[site, reason], b"", b"", reason.value)
            with contextlib.suppress(LogFull):  # for one site; another may have room
                spool.append(refusal)
                del self.counts[site, reason]
