"""How long the oldest delivery that is not committed has waited, as far as a consumer has looked."""

import time


class Oldest:
    """Unknown until the first look: "nothing waits" would be a claim."""

    def __init__(self) -> None:
        self._ms: int | None = None
        self._looked = False

    def is_of(self, received_ms: int | None) -> None:
        """In ms since the epoch; None where nothing waits."""
        self._ms, self._looked = received_ms, True

    def forget(self) -> None:
        self._ms, self._looked = None, False

    def age(self) -> float | None:
        """In seconds; 0 where nothing waits, None where it is not known."""
        if not self._looked:
            return None
        return 0.0 if self._ms is None else max(0.0, time.time() - self._ms / 1000)
