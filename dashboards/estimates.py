"""Estimates: how many reports there were, where sampling and rate limits left some out (docs/limits.md)."""

from typing import NamedTuple


class Count(NamedTuple):
    """Stored reports, and how many more they stand for."""

    reports: int = 0
    left_out: float = 0.0

    @property
    def estimated(self) -> int:
        """Never less than what is stored: another label takes from a minute the average of its window."""
        return self.reports + max(0, round(self.left_out))

    def fields(self) -> dict[str, int]:
        """As an answer has them."""
        return {"reports": self.reports, "estimated": self.estimated}
