"""What a report takes in the log, by the rate of its pod; and Kafka's needs by that."""

import msgspec
import pytest

from loadtest.capacity.costs import load
from loadtest.capacity.demand import Demand
from loadtest.capacity.envelopes import log_bytes
from loadtest.capacity.places import kafka, logged_a_day
from loadtest.capacity.pods import collectors, processors

# Two reports a POST, of 50 bytes at any rate; two hours of the peak a day.
EQUAL = msgspec.structs.replace(
    load().costs, array_share=0.5, array_reports=3, peak_hours=2, processor_typical=100,
    log_bytes=50, log_bytes_5000=50, log_bytes_2600=50, log_bytes_500=50, log_bytes_100=50,
)  # fmt: skip


def of(**changes):
    return msgspec.structs.replace(EQUAL, **changes)


@pytest.mark.parametrize(
    "posts, found",
    [
        (1, 146), (100, 146), (500, 74), (2_600, 43), (5_000, 37), (20_000, 28.6), (1e6, 28.6),
        (100 * 5**0.5, 110),  # half-way in the logarithm
        (10_000, 32.8),
    ],
)  # fmt: skip
def test_a_report_takes_more_of_the_log_where_a_pod_takes_fewer_posts(posts, found):
    costs = of(log_bytes=28.6, log_bytes_5000=37, log_bytes_2600=43, log_bytes_500=74, log_bytes_100=146)
    assert log_bytes(posts, costs) == pytest.approx(found)


def test_in_no_envelope_it_takes_less_than_in_those_of_a_backlog():
    assert log_bytes(5_000, of(log_bytes=40, log_bytes_5000=37)) == 40


def test_kafka_counts_a_report_as_its_pods_rate_has_it_at_the_peak_and_usually():
    # 20,000 POSTs/s of a pod at the peak, 2 hours; 500 usually, 22 hours: 400,000 and 4,000 reports/s.
    demand, costs = Demand(200_000, burst=100), of(log_bytes_500=80, disk_fill=0.5)
    its = msgspec.structs.replace(collectors(demand, EQUAL), pods=10, pods_usual=4)
    found = kafka(demand, costs, its, processors(demand, EQUAL))
    assert found.in_bytes_per_second == pytest.approx(400_000 * 50)
    a_day = (2 * 400_000 * 50 + 22 * 4_000 * 80) * 3600
    assert found.disk_bytes == pytest.approx(a_day * 3 / 0.5)
    assert logged_a_day(demand, costs, its) == pytest.approx(a_day)


def test_a_partition_takes_fewer_reports_where_each_has_more_bytes():
    # 200,000 reports/s x 50 and 100 bytes in partitions of 100 KB/s, times two.
    demand = Demand(100_000)
    its = msgspec.structs.replace(collectors(demand, EQUAL), pods=1000)
    small = of(partition_bytes=1e5, log_bytes_100=100)
    few, many = (kafka(demand, costs, its, processors(demand, EQUAL)) for costs in (of(partition_bytes=1e5), small))
    assert (few.partitions, many.partitions) == (256, 512)
