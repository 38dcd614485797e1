"""The simulation: nothing gets lost in it, it scales as Kubernetes does, and its answers hold."""

import itertools

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loadtest.capacity.answers import answer, planned, run, solved
from loadtest.capacity.autoscaler import Autoscaler
from loadtest.capacity.costs import load
from loadtest.capacity.demand import Demand, flow
from loadtest.capacity.scenarios import CALM_SECONDS, SCENARIOS
from loadtest.capacity.simulation import Fleet, Rates, World, rates, simulate

COSTS = load().costs
DEMAND = Demand(500_000)
PLENTY = 1e18


def world(collectors=1, processors=1, spool_bytes=PLENTY, partitions=1, costs=COSTS, batch=0.0, reports=20, **more):
    """One core accepts 1000 reports/s, ships 10,000, processes 100 in batches of 20."""
    costs = msgspec.structs.replace(costs, processor_batch=batch, batch_reports=reports)
    fleet = Fleet(collectors, collectors, processors, processors, spool_bytes, partitions * processors, 1.0)
    its = {"accept": 1000.0, "ship": 10_000.0, "process": 100.0, "store": PLENTY, **more}
    return World(fleet, Rates(**its), costs, 1.0)


def kept(moment):
    return moment.dropped + moment.waiting + moment.spooled + moment.logged + moment.stored


def test_a_report_goes_through_within_the_second_where_nothing_is_short():
    moment = world().step(0, 80, "")
    assert (moment.stored, moment.lag, kept(moment)) == (80, 0, 80)


def test_what_processors_can_not_do_waits_in_kafka_and_its_age_is_the_lag():
    its = world()
    for second in range(10):
        moment = its.step(second, 200, "")
    assert (moment.logged, moment.stored) == (1000, 1000)
    assert moment.lag == 4  # what came in the sixth second is next


def test_what_waits_in_kafka_has_the_bytes_of_its_envelopes():
    """Small ones of the usual rate, full ones of a backlog; a batch takes those of the oldest and the newest alike."""
    costs = msgspec.structs.replace(COSTS, log_bytes=30, log_bytes_100=150)
    its = world(costs=costs, ship=1e6)
    moment = its.step(0, 100, "clickhouse")
    assert moment.logged_bytes == pytest.approx(100 * 150)
    its.step(1, 900, "kafka")
    its.spooled = 30_000
    moment = its.step(2, 0, "clickhouse")
    assert moment.logged_bytes == pytest.approx(100 * 150 + 30_000 * 30)
    part = moment.logged_bytes / moment.logged
    moment = its.step(3, 0, "")
    assert (moment.stored, moment.logged_bytes) == (100, pytest.approx(part * moment.logged))


def test_what_collectors_can_not_do_waits_in_front_of_them_and_too_many_are_turned_away():
    its = world(costs=msgspec.structs.replace(COSTS, pod_connections=500))
    each = 1 / (1 / 1000 + 1 / 10_000)  # accepting and shipping
    moment = its.step(0, 2000, "")
    assert moment.waiting == 500
    assert moment.dropped == pytest.approx(2000 - each - 500)


def test_while_kafka_is_away_reports_wait_in_the_spool_and_a_full_one_is_dropped_for():
    costs = msgspec.structs.replace(COSTS, spool_bytes=1000)
    its = world(collectors=2, spool_bytes=50_000, costs=costs)
    moments = [its.step(second, 40, "kafka") for second in range(4)]
    assert [moment.spooled for moment in moments] == [40, 80, 100, 100]
    assert moments[-1].dropped == 60
    assert moments[-1].lag == 3
    back = its.step(4, 40, "")
    assert (back.spooled, back.dropped) == (0, 60)


def test_what_is_in_a_batch_is_stored_when_the_batch_is():
    its = world(reports=250)
    assert [its.step(second, load, "").stored for second, load in enumerate([250, 0, 0, 0])] == [0, 0, 250, 250]


def test_a_batch_takes_its_time_however_small_it_is():
    """40 reports take 0.4 s, and a quarter of a second before."""
    its = world(batch=0.25, reports=40)
    for second in range(100):
        moment = its.step(second, 100, "")
    assert moment.stored == pytest.approx(100 * 40 / 0.65, rel=0.02)


def test_the_partitions_of_a_processor_take_turns():
    its = world(partitions=4, batch=0.25, reports=1000)
    # Each of the four has 10: 0.35 s a batch, so two are stored within the first second.
    assert its.step(0, 40, "").stored == 20
    assert its.step(1, 0, "").stored == 40


def test_while_clickhouse_is_away_kafka_takes_everything():
    its = world()
    for second in range(100):
        moment = its.step(second, 80, "clickhouse")
    assert (moment.logged, moment.stored, moment.dropped, moment.lag) == (8000, 0, 0, 99)


def test_clickhouse_too_may_be_what_is_too_slow():
    its = world(processors=10, store=50.0, reports=1)
    assert its.step(0, 80, "").stored == 50


# The autoscaler.

QUICK = msgspec.structs.replace(COSTS, pod_start=30, scale_up_factor=2, scale_up_pods=4, scale_down_wait=300)


def looked(scaler, needs, start=0):
    found = []
    for number, need in enumerate(needs):
        now = start + 15 * number
        scaler.start(now)
        scaler.look(now, need)
        found.append((scaler.ready, scaler.pods))
    return found


def test_pods_that_are_wanted_are_ready_when_they_have_started():
    assert looked(Autoscaler(QUICK, 10, 100, 15), [15, 15, 15]) == [(10, 15), (10, 15), (15, 15)]


def test_it_looks_only_now_and_then():
    scaler = Autoscaler(QUICK, 10, 100, 15)
    scaler.look(14, 50)
    assert scaler.pods == 10
    scaler.look(15, 50)
    assert scaler.pods == 20


def test_at_most_twice_as_many_or_four_more_a_look_and_never_more_than_allowed():
    assert [pods for _, pods in looked(Autoscaler(QUICK, 10, 30, 15), [100, 100, 100])] == [20, 30, 30]
    assert [pods for _, pods in looked(Autoscaler(QUICK, 1, 30, 15), [100])] == [5]


def test_within_a_tenth_of_the_target_nothing_changes():
    assert looked(Autoscaler(QUICK, 10, 100, 15), [10.9, 9.1]) == [(10, 10), (10, 10)]


def test_fewer_only_when_no_look_of_the_last_five_minutes_wanted_more():
    scaler = Autoscaler(QUICK, 10, 100, 15)
    found = looked(scaler, [20, 20, 20] + [5] * 23)
    # 20 was wanted last at 30 s: until 330 s it stays, and `least` is kept.
    assert [ready for ready, _ in found] == [10, 10, *([20] * 21), *([10] * 3)]


def test_those_that_have_not_started_go_first():
    scaler = Autoscaler(msgspec.structs.replace(QUICK, scale_down_wait=1, pod_start=600), 4, 100, 15)
    assert looked(scaler, [8, 6]) == [(4, 8), (4, 6)]
    assert looked(scaler, [1], 30) == [(4, 4)]


# The scenarios.


@pytest.mark.parametrize("name", SCENARIOS)
def test_at_each_second_what_came_is_stored_or_waits_or_was_dropped(name):
    scenario = SCENARIOS[name](DEMAND, COSTS)
    moments = simulate(scenario, planned(DEMAND, COSTS), DEMAND, COSTS)
    assert [moment.second for moment in moments] == list(range(len(moments)))
    for before, after in itertools.pairwise(moments):
        assert kept(after) == pytest.approx(after.arrived, rel=1e-9)
        assert after.arrived - before.arrived == pytest.approx(after.load)
        assert after.stored >= before.stored
        assert after.dropped >= before.dropped
        assert min(after.waiting, after.spooled, after.logged) >= 0


# Without shrinking: an example takes a second.
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.builds(Demand, rps=st.floats(100, 2e6), burst=st.floats(1, 50), repeats=st.floats(0, 1)),
    st.sampled_from(list(SCENARIOS)),
)
def test_what_is_solved_for_drops_nothing(demand, name):
    costs = msgspec.structs.replace(COSTS, outage_hours=0.1)
    scenario = SCENARIOS[name](demand, costs)
    found = run(scenario, solved(scenario, planned(demand, costs), demand, costs), demand, costs)
    assert found.outcome.dropped < 1
    assert found.outcome.lag_gone is not None
    last = found.moments[-1]
    assert last.stored + last.logged + last.spooled + last.waiting == pytest.approx(last.arrived)


def test_a_burst_drops_with_the_usual_pods_and_not_with_those_that_are_solved_for():
    found = answer("burst", DEMAND, COSTS)
    assert found.planned.outcome.dropped > 1e6
    assert found.solved.outcome.dropped == 0
    assert found.planned.fleet.collectors_least < found.solved.fleet.collectors_least
    one_fewer = msgspec.structs.replace(found.solved.fleet, collectors_least=found.solved.fleet.collectors_least - 1)
    assert run(SCENARIOS["burst"](DEMAND, COSTS), one_fewer, DEMAND, COSTS).outcome.dropped > 0


def test_the_faster_a_burst_comes_the_more_pods_must_be_there_before():
    least = []
    for ramp in (0, 60, 300, 900):
        costs = msgspec.structs.replace(COSTS, ramp=ramp)
        least.append(answer("burst", DEMAND, costs).solved.fleet.collectors_least)
    assert least == sorted(least, reverse=True)
    assert least[0] > 3 * least[-1]


def test_a_burst_at_once_needs_the_pods_that_carry_its_height():
    """What is more than they can do for half a minute is far more than may wait in front of them."""
    found = answer("burst", DEMAND, msgspec.structs.replace(COSTS, ramp=0)).solved.fleet
    its = rates(DEMAND, COSTS)
    carried = flow(DEMAND.rps, COSTS).reports * (1 / its.accept + 1 / its.ship)
    assert 0.9 * carried <= found.collectors_least <= carried + 1


def test_an_hour_without_kafka_needs_a_spool_of_an_hour():
    found = answer("kafka-outage", DEMAND, COSTS)
    assert found.planned.outcome.dropped_share > 0.5  # the default quota is minutes
    a_pod = flow(DEMAND.usual_rps, COSTS).reports / found.solved.fleet.collectors_least
    assert found.solved.fleet.spool_bytes == pytest.approx(a_pod * 3600 * COSTS.spool_bytes, rel=0.01)
    assert 3590 <= found.solved.outcome.longest_lag <= 3660
    assert found.solved.outcome.lag_gone > 3600


def test_an_hour_without_clickhouse_drops_nothing_and_its_lag_takes_longer_than_the_hour():
    found = answer("clickhouse-outage", DEMAND, COSTS)
    assert found.planned.outcome.dropped == found.solved.outcome.dropped == 0
    assert found.planned.fleet == found.solved.fleet
    assert 3600 < found.planned.outcome.lag_gone < 2 * 3600


def test_another_regions_load_is_taken_over_at_once():
    found = answer("failover", DEMAND, COSTS)
    loads = [moment.load for moment in found.solved.moments]
    assert loads[CALM_SECONDS] == pytest.approx(2 * loads[CALM_SECONDS - 1])
    assert found.solved.outcome.dropped == 0


def test_a_lag_that_never_goes_is_said_to_be_there():
    slow = msgspec.structs.replace(COSTS, processor_typical=10_000, processor_utilisation=1)
    scenario = SCENARIOS["failover"](DEMAND, slow)
    fleet = msgspec.structs.replace(planned(DEMAND, COSTS), collectors_least=51)
    assert run(scenario, fleet, DEMAND, slow).outcome.lag_gone is None
