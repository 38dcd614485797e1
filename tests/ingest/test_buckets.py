"""Token buckets by a clock of our own: what a site and a client's network may send."""

import tracemalloc

import pytest

from ingest.limits import Bucket, Clients, of_sites
from schema.sites import Site, Sites


def taken(bucket: Bucket, moments: list[float], reports: int = 1) -> int:
    return sum(bucket.take(reports, moment) is not None for moment in moments)


@pytest.mark.parametrize(("rate", "burst"), [(10, 10), (0.5, 3), (1000, 20_000), (7, 1)])
def test_a_burst_is_taken_and_then_the_rate(rate, burst):
    bucket, now = Bucket(rate, burst), 12_345.678
    assert taken(bucket, [now] * (burst + 50)) == burst
    steps = [now + number / (rate * 20) for number in range(1, 2001)]  # twenty times the rate
    assert taken(bucket, steps) == 100


def test_after_a_rest_the_burst_is_there_again_and_never_more():
    bucket = Bucket(10, 30)
    assert taken(bucket, [0.0] * 100) == 30
    assert taken(bucket, [10_000.0] * 100) == 30


def test_an_array_is_taken_whole_and_owed_for():
    bucket = Bucket(10, 10)
    assert taken(bucket, [0.0, 0.0], reports=100) == 1
    assert taken(bucket, [number / 10 for number in range(1000)], reports=100) == 10  # of 100 s


def test_what_was_left_out_is_stood_for_by_the_next_that_is_taken():
    bucket, sent, estimated = Bucket(10, 10), 0, 0
    for number in range(5000):
        reports = 1 + number % 3
        left_out = bucket.take(reports, number / 100)
        sent += reports
        estimated += 0 if left_out is None else reports + left_out
    assert sent - 40 < estimated <= sent  # but for the last ones, which none followed


def test_a_report_long_after_a_flood_stands_for_itself():
    bucket = Bucket(10, 10)
    taken(bucket, [0.0] * 1000)
    assert bucket.take(1, 61.0) == 0


def test_workers_share_a_sites_limit():
    sites = Sites({"shop": Site(rate_limit=100.0, burst=400.0), "blog": Site()})
    shares = [of_sites(sites, 4, {}, 0.0) for _ in range(4)]
    assert [list(share) for share in shares] == [["shop"]] * 4
    assert sum(taken(share["shop"], [5.0] * 1000) for share in shares) == 400
    assert sum(taken(share["shop"], [5 + number / 1000 for number in range(1, 1001)]) for share in shares) == 100


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.250", True),
        ("192.0.2.7", "192.0.3.7", False),
        ("192.0.2.7", "::ffff:192.0.2.9", True),
        ("192.0.2.7", "64:ff9b::c000:209", True),
        ("64:ff9b::c000:207", "64:ff9b::c000:307", False),
        ("2001:db8:7::1", "2001:db8:7:ffff::2", True),
        ("2001:db8:7::1", "2001:db8:8::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_a_network_is_a_24_or_a_48(one, other, same):
    clients = Clients(1)
    assert (clients.cells(one) == clients.cells(other)) is same


def test_a_client_without_an_address_has_no_limit():
    clients = Clients(1)
    assert all(clients.take(clients.cells(peer), 0.0) for peer in ["", "/run/socket", "nonsense"] * 100)


def test_each_process_has_a_salt_of_its_own():
    assert Clients(1).cells("192.0.2.7") != Clients(1).cells("192.0.2.7")


def test_one_network_that_floods_leaves_the_others_alone():
    clients = Clients(2)
    flood = clients.cells("192.0.2.1")
    assert sum(clients.take(flood, 0.0) for _ in range(5000)) == 20
    others = [clients.cells(f"10.{number >> 8}.{number & 255}.1") for number in range(5000)]
    assert sum(clients.take(cells, 0.0) for cells in others) == 5000


def test_a_quarter_of_a_million_networks_take_no_more_memory_than_one():
    clients = Clients(1)
    tracemalloc.start()
    try:
        for number in range(250_000):
            clients.take(clients.cells(f"{number >> 16}.{number >> 8 & 255}.{number & 255}.1"), 0.0)
        assert tracemalloc.get_traced_memory()[0] < 1 << 16
    finally:
        tracemalloc.stop()
    assert clients.take(clients.cells("2001:db8::1"), 1000.0)
