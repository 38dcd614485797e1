"""What a worker counts: in plain numbers on the hot path, and once a second into the metrics."""

from collections import Counter

from schema import metrics
from schema.reasons import Reason

# Why a report that nothing is wrong with is answered 503: no room in the spool, or no log behind it; too many bodies or
# connections at once; no answer from Kafka.
TURNED_AWAY = ("spool", "bodies", "connections", "unconfirmed")


class Tally:
    """Since the last time it was published."""

    def __init__(self) -> None:
        self.turned_away: Counter[str] = Counter()  # reports, by cause
        self.refused: Counter[Reason] = Counter()  # requests
        self._begin()

    def _begin(self) -> None:
        self.posts = self.preflights = self.others = 0  # requests
        self.accepted = self.accepted_bytes = 0  # reports answered 204, and the bytes of their bodies
        self.limited = 0  # over their site's rate limit; with durability `log` also those that Kafka never confirmed
        self.full = 0  # reports' requests that the spool refused

    def count(self, method: str) -> None:
        """A request that is no report."""
        if method == "POST":
            self.posts += 1
        elif method == "OPTIONS":
            self.preflights += 1
        else:
            self.others += 1

    def publish(self) -> None:
        metrics.REQUESTS.labels("POST").inc(self.posts)
        metrics.REQUESTS.labels("OPTIONS").inc(self.preflights)
        metrics.REQUESTS.labels("other").inc(self.others)
        metrics.REPORTS_ACCEPTED.inc(self.accepted)
        metrics.ACCEPTED_BYTES.inc(self.accepted_bytes)
        metrics.REPORTS_LIMITED.inc(self.limited)
        metrics.SPOOL_FULL.inc(self.full)
        # Every label, also of none: a rate misses what a counter begins with.
        for reason in Reason:
            metrics.REFUSED.labels(reason.value).inc(self.refused[reason])
        for cause in TURNED_AWAY:
            metrics.TURNED_AWAY.labels(cause).inc(self.turned_away[cause])
        self.refused.clear()
        self.turned_away.clear()
        self._begin()
