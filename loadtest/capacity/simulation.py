"""Second by second: arrivals, collectors, spools, Kafka, processors, store; and the autoscalers that look on.

All amounts are reports. At each second what has arrived is what is dropped, waits in front of the collectors, in their
spools or in Kafka, or is stored: nothing else happens to a report.
"""

from collections import deque
from typing import NamedTuple

import msgspec

from loadtest.capacity.autoscaler import Autoscaler
from loadtest.capacity.costs import Costs
from loadtest.capacity.demand import Demand, flow
from loadtest.capacity.envelopes import log_bytes
from loadtest.capacity.pods import collector_cores, processor_micros
from loadtest.capacity.scenarios import CALM_SECONDS, Scenario

_LONGEST_SECONDS = 24 * 3600
_FEW = 1e-6  # of a report: arithmetic's own


class Fleet(msgspec.Struct, frozen=True):
    """What is provisioned. `spool_bytes`: the quota of a collector pod; `store_cores`: for inserts, of one replica."""

    collectors_least: int
    collectors_most: int
    processors_least: int
    processors_most: int
    spool_bytes: float
    partitions: int
    store_cores: float


class Rates(NamedTuple):
    """What a core does in a second, in reports."""

    accept: float
    ship: float
    process: float
    store: float


class Moment(msgspec.Struct, frozen=True):
    """At the end of a second. `arrived`, `dropped` and `stored` since the start; `lag`: seconds, of the oldest report
    that was answered 204 and is not stored. `logged_bytes`: of one copy.
    """

    second: int
    load: float
    arrived: float
    dropped: float
    waiting: float
    spooled: float
    logged: float
    logged_bytes: float
    stored: float
    collectors: int
    processors: int
    lag: float


def rates(demand: Demand, costs: Costs) -> Rates:
    """Of the demand's mix; a report brings its share of the preflights and connections.

    A processor was measured with full batches: their own part is taken off, since each batch has it again here.
    """
    one = flow(1, costs)
    whole = collector_cores(one, costs) / one.reports
    ship = costs.collector_ship / 1e6
    new = max(1 - demand.repeats, 1e-9)
    store = 1e6 / costs.store_row / new
    micros = processor_micros(demand.repeats, costs)
    alone = max(micros / 10, micros - costs.processor_batch * 1e6 / costs.batch_reports)
    return Rates(1 / (whole - ship), 1 / ship, 1e6 / alone, store)


def simulate(scenario: Scenario, fleet: Fleet, demand: Demand, costs: Costs) -> list[Moment]:
    """Until the scenario is over and its lag is gone, a day at most."""
    world = World(fleet, rates(demand, costs), costs, flow(1, costs).reports)
    moments: list[Moment] = []
    for second in range(_LONGEST_SECONDS):
        away = scenario.away if CALM_SECONDS <= second < scenario.ends else ""
        moments.append(world.step(second, scenario.posts(second), away))
        calm = moments[-1].lag <= costs.lag_accepted and world.waiting + world.spooled < _FEW + moments[-1].load
        if calm and second > scenario.ends + costs.scale_down_wait:
            break
    return moments


class World:
    """`fixed`: no autoscaler looks on."""

    def __init__(self, fleet: Fleet, rates: Rates, costs: Costs, reports_per_post: float) -> None:
        self.waiting = self.spooled = self.logged = self.logged_bytes = 0.0
        self.stored = self.arrived = self.dropped = 0.0
        self._fleet, self._rates, self._costs = fleet, rates, costs
        self._per_post = reports_per_post
        self.collectors = Autoscaler(costs, fleet.collectors_least, fleet.collectors_most, costs.hpa_sync)
        most = min(fleet.processors_most, fleet.partitions)
        self.processors = Autoscaler(costs, min(fleet.processors_least, most), most, costs.keda_poll)
        self._busy: deque[float] = deque([0.0] * (round(costs.metric_delay) + 1), round(costs.metric_delay) + 1)
        self._pause = 0.0  # seconds left of a rebalance
        self._batch = self._batch_left = 0.0  # reports under way, and seconds until they are stored
        self._turns, self._share = 0, 0.0  # partitions whose turn is to come, and reports in each
        self._ages = _Ages()

    def step(self, second: int, posts: float, away: str) -> Moment:
        load = posts * self._per_post
        self.collectors.start(second)
        if self.processors.start(second):
            self._pause = self._costs.rebalance
        accepted, used = self._collect(load, away == "kafka")
        self._busy.append(used)
        stored = 0.0 if away else self._process()
        self._scale(second)
        lag = self._ages.after(second, accepted, stored)
        return Moment(
            second, load, self.arrived, self.dropped, self.waiting, self.spooled, self.logged, self.logged_bytes,
            self.stored, self.collectors.ready, self.processors.ready, lag,
        )  # fmt: skip

    def _collect(self, load: float, kafka_away: bool) -> tuple[float, float]:
        """Reports that were answered 204, and cores that were used for it and for shipping."""
        cores = float(self.collectors.ready)
        self.arrived += load
        self.waiting += load
        each = 1 / self._rates.accept + (0 if kafka_away else 1 / self._rates.ship)
        answered = min(self.waiting, cores / each)
        room = max(0.0, cores * self._fleet.spool_bytes / self._costs.spool_bytes - self.spooled)
        room += 0 if kafka_away else answered  # what comes is shipped within the second
        accepted = min(answered, room)
        self.spooled += accepted
        self.waiting -= answered
        turned_away = max(0.0, self.waiting - cores * self._costs.pod_connections * self._per_post)
        self.waiting -= turned_away
        self.dropped += answered - accepted + turned_away
        used = answered / self._rates.accept
        shipped = 0.0 if kafka_away else min(self.spooled, max(0.0, cores - used) * self._rates.ship)
        self.spooled -= shipped
        self.logged += shipped
        self.logged_bytes += shipped * log_bytes(shipped / self._per_post / cores, self._costs)
        return accepted, used + shipped / self._rates.ship

    def _process(self) -> float:
        """Reports stored: those of the batches that were finished in this second."""
        stored, left = 0.0, max(0.0, 1 - self._pause)
        self._pause = max(0.0, self._pause - 1)
        while left > 0 and (self._batch or self._next_batch()):
            worked = min(left, self._batch_left)
            left -= worked
            self._batch_left -= worked
            if self._batch_left <= 0:
                stored += self._batch
                left_over = max(0.0, self.logged - self._batch)
                self.logged_bytes *= left_over / self.logged if left_over else 0.0
                self.logged, self._batch = left_over, 0.0
        self.stored += stored
        return stored

    def _next_batch(self) -> bool:
        """Of all processors together, each of one of its partitions: those take turns, and share what is there."""
        pods = self.processors.ready
        if not self._turns:
            if self.logged < _FEW:
                return False
            self._turns = max(1, round(self._fleet.partitions / pods))
            self._share = self.logged / self._turns
        self._turns -= 1
        self._batch = min(self._share, pods * self._costs.batch_reports, self.logged)
        speed = min(pods * self._rates.process, self._fleet.store_cores * self._rates.store)
        self._batch_left = self._costs.processor_batch + self._batch / speed
        return self._batch > 0

    def _scale(self, second: int) -> None:
        """Collectors by the CPU of some seconds ago; a pod with something in its spool stays. Processors by the lag."""
        self.collectors.look(second, self._busy[0] / self._costs.utilisation, may_shrink=self.spooled < 1)
        if self.processors.look(second, self.logged / (self._rates.process * self._costs.lag_target)):
            self._pause = self._costs.rebalance


class _Ages:
    """First in, first out: when what is stored next was accepted."""

    def __init__(self) -> None:
        self._left: deque[list[float]] = deque()  # second, and reports accepted in it that are not stored

    def after(self, second: int, accepted: float, stored: float) -> float:
        """The age of the oldest left, in seconds."""
        if accepted:
            self._left.append([float(second), accepted])
        while self._left and stored > _FEW:
            taken = min(stored, self._left[0][1])
            self._left[0][1] -= taken
            stored -= taken
            if self._left[0][1] <= _FEW:
                self._left.popleft()
        return second - self._left[0][0] if self._left else 0.0
