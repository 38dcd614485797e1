"""How a run went, second by second, and where a threshold broke. Pure."""

from typing import NamedTuple

from loadtest.load.profiles import Profile
from loadtest.load.verdict import Limit

_IN_A_ROW = 3  # looks, so that one slow moment is no limit


class Look(NamedTuple):
    """`at`: seconds since the beginning; `asked`: posts a second; the others over the last ten seconds: requests and
    failures a second, ms.
    """

    at: float
    asked: float
    rate: float
    failing: float
    p95: float
    p99: float


class Limits:
    """Looks at a run. `found`: where its profile seeks a limit and one was found."""

    def __init__(self, profile: Profile) -> None:
        self.looks: list[Look] = []
        self.found: Limit | None = None
        self._profile = profile
        self._broken: list[Look] = []  # in a row, up to now

    def look(self, look: Look) -> bool:
        """Whether the run should end here."""
        self.looks.append(look)
        if not self._profile.seeks_limit:
            return False
        why = self._why(look)
        self._broken = [*self._broken, look] if why else []
        if len(self._broken) < _IN_A_ROW:
            return False
        asked = self._broken[0].asked
        held = max((before.asked for before in self.looks if before.asked < asked), default=0.0)
        self.found = self.found or Limit(asked, held, why)
        return True

    def _why(self, look: Look) -> str:
        allowed = self._profile.thresholds
        if look.rate and look.failing / look.rate > allowed.errors:
            return f"{look.failing / look.rate:.1%} of the requests failed, more than {allowed.errors:.1%}"
        for name, took, most in (("p95", look.p95, allowed.p95), ("p99", look.p99, allowed.p99)):
            if took > most:
                return f"{name} was {took:,.0f} ms, more than {most:,.0f}"
        return ""
