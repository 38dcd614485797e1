"""The capacity model's formulas, with round costs and numbers worked out by hand; and what holds for any demand."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.capacity.costs import load
from loadtest.capacity.demand import Demand, Flow, a_day, flow
from loadtest.capacity.places import clickhouse, kafka, partitions
from loadtest.capacity.plan import plan
from loadtest.capacity.pods import (
    ceiling,
    collector_cores,
    collector_pods,
    collectors,
    processor_micros,
    processor_pods,
    processors,
)
from loadtest.capacity.reference import REFERENCE

MEASURED = load().costs
# Half of the POSTs are arrays of 3, each with a preflight; a fifth come on a new connection.
ROUND = msgspec.structs.replace(
    MEASURED, collector_post=20, collector_array_report=5, collector_preflight=20, collector_connection=100,
    collector_ship=2.5, processor_different=200, processor_typical=100, processor_burst=50, store_row=50,
    log_bytes=50, log_bytes_5000=50, log_bytes_2600=50, log_bytes_500=50, log_bytes_100=50,
    spool_bytes=1000, row_bytes=100, head_bytes=300, body_bytes=1000, preflight_bytes=400,
    answer_bytes=200, array_share=0.5, array_reports=3, preflights_per_array=1, connection_share=0.2, peak_hours=2,
)  # fmt: skip


def of(**changes):
    return msgspec.structs.replace(ROUND, **changes)


def test_a_second_of_posts_has_reports_preflights_and_connections():
    assert flow(1000, ROUND) == Flow(posts=1000, reports=500 + 500 * 3, preflights=500, connections=200)


def test_a_day_has_its_hours_at_the_peak_and_the_others_at_the_usual_rate():
    # 2 h x 1000 + 22 h x 100 = 4200 POSTs/s x h
    assert a_day(Demand(1000, burst=10), ROUND).posts == 4200 * 3600


def test_collectors_are_charged_for_posts_further_reports_preflights_connections_and_shipping():
    # 1000 x 20 + 1000 further x 5 + 500 x 20 + 200 x 100 + 2000 x 2.5 = 60,000 µs
    assert collector_cores(flow(1000, ROUND), ROUND) == pytest.approx(0.060)


def test_collectors_keep_to_their_utilisation():
    # 100,000 POSTs/s are 6 cores: 6 / 0.6 = 10 pods, and one of them does 1 / 60 µs x 0.6.
    found = collectors(Demand(100_000, burst=10), of(zones=1))
    assert (found.pods, found.pods_usual) == (10, 2)
    assert found.posts_per_pod == pytest.approx(10_000)


@pytest.mark.parametrize(
    "cores, zones, pods",
    [
        (6.0, 1, 10),  # 6 / 0.6
        (6.0, 3, 11),  # of 10 the fullest zone has 4, and 6 at 90% are 5.4; 6 / 0.9 = 6.7: 7 must be left
        (6.0, 2, 14),  # 7 must be left of two halves
        (0.1, 3, 3),  # one in each zone
        (0.1, 1, 2),
    ],
)
def test_while_a_zone_is_away_the_others_carry_the_load(cores, zones, pods):
    costs = of(zones=zones)
    posts = cores / collector_cores(flow(1, costs), costs)
    assert collector_pods(flow(posts, costs), costs) == pods


def test_a_spool_holds_an_hour_of_what_its_pod_takes():
    # 10 pods, 200,000 reports/s, 1000 bytes, 3600 s; at the usual rate 2 pods share 20,000.
    found = collectors(Demand(100_000, burst=10), of(zones=1))
    assert found.spool_bytes_per_pod == pytest.approx(200_000 / 10 * 1000 * 3600)
    assert found.spool_bytes == pytest.approx(found.spool_bytes_per_pod * 10)


@pytest.mark.parametrize(
    "repeats, micros", [(0, 200), (0.35, 150), (0.7, 100), (0.8, 75), (0.9, 50), (0.95, 50), (1, 50)]
)
def test_a_processor_costs_what_was_measured_and_between_that_a_straight_line(repeats, micros):
    assert processor_micros(repeats, ROUND) == pytest.approx(micros)


def test_processors_leave_a_fifth_of_their_cores_for_a_backlog():
    # 200,000 reports/s x 100 µs = 20 cores / 0.8 = 25; at a tenth 2.5 = 3.
    found = processors(Demand(100_000, burst=10, repeats=0.7), ROUND)
    assert (found.pods, found.pods_usual, found.reports_per_pod) == (25, 3, 10_000)
    assert processor_pods(0.01, ROUND) == 2


@pytest.mark.parametrize(
    "reports, producer, consumer, growth, least, found",
    [
        (100_000, 200_000, 10_000, 2, 1, 32),  # 10 x 2 = 20
        (100_000, 5_000, 10_000, 2, 1, 64),  # 20 x 2 = 40: here one partition takes too little
        (100_000, 200_000, 10_000, 1, 25, 32),  # 10, and 25 processors
        (16_000, 200_000, 1_000, 1, 1, 16),  # a power of two stays
        (1, 200_000, 10_000, 1, 1, 1),
    ],
)
def test_partitions_are_the_larger_need_times_growth_as_a_power_of_two(
    reports, producer, consumer, growth, least, found
):
    assert partitions(reports, producer, consumer, growth, least) == found


def test_kafkas_disk_holds_a_day_in_three_copies_and_is_not_full():
    demand = Demand(100_000, burst=10)
    found = kafka(demand, of(disk_fill=0.7), collectors(demand, ROUND), processors(demand, ROUND))
    # 420,000 POSTs/s x h x 3600 x 2 reports x 50 bytes x 3 / 0.7
    assert found.disk_bytes == pytest.approx(420_000 * 3600 * 2 * 50 * 3 / 0.7)
    assert found.in_bytes_per_second == found.out_bytes_per_second == pytest.approx(200_000 * 50)
    assert found.replicated_bytes_per_second == pytest.approx(2 * 200_000 * 50)


@pytest.mark.parametrize(
    "changes, brokers, why",
    [
        ({}, 3, "copies"),
        # 10 MB/s x 3 copies / 3 MB/s / 0.5 = 20, and one more
        ({"broker_write_bytes": 3e6}, 21, "disk writes"),
        ({"broker_network_bytes": 2e6}, 31, "network"),
        ({"broker_partitions": 24}, 9, "partitions"),  # 64 x 3 / 24 = 8
        ({"broker_disk_bytes": 1e11}, 8, "disk size"),  # 648 GB
    ],
)
def test_brokers_are_one_more_than_their_tightest_limit_asks_for(changes, brokers, why):
    demand = Demand(100_000, burst=10)
    found = kafka(demand, of(**changes), collectors(demand, ROUND), processors(demand, ROUND))
    assert (found.brokers, found.brokers_for) == (brokers, why)


def test_clickhouse_inserts_what_is_new_on_each_replica_and_keeps_it():
    found = clickhouse(Demand(100_000, burst=10, repeats=0.7), of(store_query_cores=4, store_replicas=2))
    assert found.rows_per_second == pytest.approx(60_000)
    # 60,000 x 50 µs = 3 cores / 0.5 + 4 for queries, on two replicas
    assert found.cores == pytest.approx(20)
    assert found.rows == pytest.approx(420_000 * 3600 * 2 * 0.3 * 90)
    assert found.disk_bytes == pytest.approx(found.rows * 100 * 2 / 0.7)


def test_the_network_carries_heads_bodies_preflights_and_answers():
    found = plan(Demand(1000), ROUND).network
    assert found.in_bytes_per_second == pytest.approx(1000 * 300 + 2000 * 1000 + 500 * 400)
    assert found.out_bytes_per_second == pytest.approx(1500 * 200)


def test_a_month_counts_cores_as_long_as_they_run_and_costs_nothing_without_prices():
    found = plan(Demand(100_000, burst=10), of(peak_hours=12, zones=1))
    # half a day each: 10 and 2 collectors, 25 and 3 processors
    stages = (10 + 2) / 2 + (25 + 3) / 2
    assert found.monthly.cores.quantity == pytest.approx(stages + found.kafka.cores + found.clickhouse.cores)
    assert found.monthly.cost is found.monthly.cores.cost is found.monthly.cores.price is None


def test_prices_that_are_given_are_multiplied_and_summed():
    found = plan(Demand(100_000), of(price_core=20, price_disk=0.1)).monthly
    assert found.cores.cost == pytest.approx(20 * found.cores.quantity)
    assert found.traffic.cost is None
    assert found.cost == pytest.approx(found.cores.cost + 0.1 * found.disk.quantity)


def recomputed(consumer):
    """The reference's collectors, processors and partitions by our formulas, at `consumer` reports/s a processor."""
    rps = REFERENCE.rps
    split = partitions(rps, rps, consumer, REFERENCE.growth)
    return ceiling(rps / REFERENCE.posts_per_pod), ceiling(rps / consumer), split


@pytest.mark.parametrize("consumer, processors_", [(3_850, 130), (5_000, 100)])
def test_our_formulas_make_the_reference_plan_of_its_rates(consumer, processors_):
    found = recomputed(consumer)
    assert found[:2] == (36, processors_)
    if consumer == 3_850:
        assert found == (REFERENCE.collectors, REFERENCE.processors, REFERENCE.partitions) == (36, 130, 512)


def test_for_half_a_million_requests_fewer_pods_are_needed_than_the_reference_plans():
    """Of collectors too, though preflights and connections are counted: without them they are half as many."""
    found = plan(Demand(500_000), MEASURED)
    assert found.collectors.pods < REFERENCE.collectors
    assert found.processors.pods < REFERENCE.processors
    assert found.kafka.partitions <= REFERENCE.partitions
    alike = msgspec.structs.replace(MEASURED, array_share=0, connection_share=0)
    assert plan(Demand(500_000), alike).collectors.pods <= found.collectors.pods / 2


RPS = st.floats(1, 1e8)
DEMANDS = st.builds(Demand, rps=RPS, burst=st.floats(1, 100), repeats=st.floats(0, 1), growth=st.floats(1, 10))


def needs(demand):
    found = plan(demand, MEASURED)
    return {
        "collectors": found.collectors.pods, "collectors usual": found.collectors.pods_usual,
        "processors": found.processors.pods, "processors usual": found.processors.pods_usual,
        "partitions": found.kafka.partitions, "brokers": found.kafka.brokers, "kafka disk": found.kafka.disk_bytes,
        "clickhouse cores": found.clickhouse.cores, "clickhouse disk": found.clickhouse.disk_bytes,
        "network": found.network.in_bytes_per_second, "cores": found.monthly.cores.quantity,
        "traffic": found.monthly.traffic.quantity,
    }  # fmt: skip


def never_less(more, fewer):
    return {name for name, value in needs(fewer).items() if needs(more)[name] < value * (1 - 1e-9)}


@given(DEMANDS, st.floats(1, 100))
def test_more_requests_never_need_less(demand, factor):
    assert never_less(msgspec.structs.replace(demand, rps=demand.rps * factor), demand) == set()


@given(DEMANDS, st.floats(1, 10))
def test_more_growth_never_needs_fewer_partitions(demand, factor):
    more = msgspec.structs.replace(demand, growth=demand.growth * factor)
    assert needs(more)["partitions"] >= needs(demand)["partitions"]


@given(DEMANDS, st.floats(0, 1))
def test_more_repeats_never_need_more(demand, share):
    fewer = msgspec.structs.replace(demand, repeats=demand.repeats * share)
    assert never_less(fewer, demand) == set()


@given(DEMANDS)
def test_a_partition_is_there_for_each_processor_and_the_loss_of_a_zone_is_borne(demand):
    found = plan(demand, MEASURED)
    assert found.kafka.partitions >= found.processors.pods
    left = found.collectors.pods - -(-found.collectors.pods // int(MEASURED.zones))
    assert found.collectors.cores_used <= left * MEASURED.zone_loss_utilisation * (1 + 1e-9)
    assert found.collectors.cores_used <= found.collectors.pods * MEASURED.utilisation * (1 + 1e-9)
