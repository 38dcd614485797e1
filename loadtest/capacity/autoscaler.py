"""Kubernetes' HorizontalPodAutoscaler, and KEDA, which drives one by the lag: how many pods are wanted, and when ready.

As https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ says: wanted = what the ready pods use /
the target; pods that are not ready yet count as using nothing; nothing within a tenth of the target; up by the more
generous of the two policies, down only to what no look of the last minutes wanted more than.
"""

import math
from collections import deque

from loadtest.capacity.costs import Costs

_TOLERANCE = 0.1


class Autoscaler:
    """Pods of one stage. `least` and `most` as in the manifest; `least` are ready at the start."""

    def __init__(self, costs: Costs, least: int, most: int, every: float) -> None:
        """`every`: seconds between two looks."""
        self.ready = least
        self._costs = costs
        self._least, self._most = least, most
        self._every = max(1, round(every))
        self._starting: deque[tuple[float, int]] = deque()  # when ready, and how many
        self._wanted: deque[tuple[float, int]] = deque()  # of the last looks

    @property
    def pods(self) -> int:
        """Ready or starting."""
        return self.ready + sum(number for _, number in self._starting)

    def start(self, now: float) -> bool:
        """Makes those ready that have started. True where there were some."""
        before = self.ready
        while self._starting and self._starting[0][0] <= now:
            self.ready += self._starting.popleft()[1]
        return self.ready > before

    def look(self, now: float, need: float, *, may_shrink: bool = True) -> bool:
        """`need`: pods' worth of the metric at its target. True where pods were taken away."""
        if now % self._every:
            return False
        current = self.pods
        wanted = current if abs(need / current - 1) <= _TOLERANCE else math.ceil(round(need, 9))
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - self._costs.scale_down_wait:
            self._wanted.popleft()
        if wanted > current:
            self._grow(now, wanted, current)
            return False
        lasting = max(number for _, number in self._wanted)
        return may_shrink and self._shrink(max(lasting, self._least))

    def _grow(self, now: float, wanted: int, current: int) -> None:
        allowed = max(int(current * self._costs.scale_up_factor), current + int(self._costs.scale_up_pods))
        more = min(wanted, allowed, self._most) - current
        if more > 0:
            self._starting.append((now + self._costs.pod_start, more))

    def _shrink(self, to: int) -> bool:
        """Those that are not ready first."""
        while self._starting and self.pods > to:
            at, number = self._starting.pop()
            if (kept := number - (self.pods + number - to)) > 0:
                self._starting.append((at, kept))
        shrunk = self.ready > to
        self.ready = min(self.ready, to)
        return shrunk
