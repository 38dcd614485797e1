"""The traffic is the same for the same seed, and what it says of itself is what a real fold makes of it."""

import itertools
from collections import Counter

import pytest

from loadtest.spooled import encoded, write
from loadtest.traffic.model import KINDS, SHAPES, Totals, Traffic
from loadtest.traffic.world import AGENTS, PAGES
from log.frame import HEADER, split
from log.segments import segments
from processor.fold import fold
from processor.retries import Retries
from schema import delivery
from schema.sites import Sites

BEGAN_MS = 1_793_577_600_000  # a window's beginning
REPORTS = 3000  # folded
MANY = 20_000


def folded(traffic):
    """Totals as the processor finds them, deliveries in batches as they come."""
    deliveries = [delivery.decode(encoded(post, BEGAN_MS)) for post in traffic]
    assert not Retries().find(deliveries)  # no array looks like one sent again
    found = fold(deliveries, (), Sites())
    by_directive = Counter()
    for row in found.rows.values():
        by_directive[row.violation.effective_directive] += row.violation.reports
    outcomes = Counter()
    for line, reports in found.ledger.items():
        outcomes[line.outcome] += reports
    assert set(outcomes) == {"received", "stored"}
    fingerprints = {row.violation.fingerprint for row in found.rows.values()}
    windows = {row.violation.window for row in found.rows.values()}
    return Totals(len(deliveries), outcomes["stored"], len(fingerprints), by_directive), windows


@pytest.mark.parametrize("shape", SHAPES)
def test_a_real_fold_finds_exactly_the_totals_that_the_traffic_states(shape):
    traffic = Traffic(shape, REPORTS)
    found, windows = folded(traffic)
    assert found == traffic.totals
    assert found.reports == REPORTS
    assert windows == {BEGAN_MS // 1000}


def test_the_same_seed_makes_the_same_posts_and_another_makes_others():
    first, again, other = (list(Traffic("burst", 2000, seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_all_different_means_no_two_alike_and_a_burst_means_nine_of_ten_are():
    assert all_of("different").violations == MANY
    assert 0.29 < (all_of("typical").violations - KINDS) / MANY < 0.31
    assert 0.09 < (all_of("burst").violations - KINDS) / MANY < 0.11


def all_of(shape):
    traffic = Traffic(shape, MANY)
    for _ in traffic:
        pass
    return traffic.totals


def test_half_of_the_reports_come_in_arrays_and_all_policies_of_a_burst_have_nonces():
    posts = list(Traffic("burst", REPORTS))
    in_arrays = sum(post.reports for post in posts if post.body.startswith(b"["))
    assert 0.4 < in_arrays / REPORTS < 0.6
    assert all(10 <= post.reports <= 50 for post in posts[:-1] if post.body.startswith(b"["))
    assert all(post.body.count(b"'nonce-") == post.reports for post in posts)
    nonces = [part[:24] for post in posts for part in post.body.split(b"'nonce-")[1:]]
    assert len(set(nonces)) == REPORTS


def test_the_world_is_as_large_as_it_says():
    assert len({agent.text for agent in AGENTS}) == len(AGENTS) > 36
    assert len({page.url for page in PAGES}) == len(PAGES) == 400
    lengths = [len(page.policy.before + page.policy.after) for page in PAGES]
    assert 200 <= min(lengths) <= max(lengths) <= 700


def test_the_spool_holds_the_traffic_as_a_collector_would_write_it(tmp_path):
    told = []
    totals = write(Traffic("typical", 3000), tmp_path, told.append)
    files = segments(tmp_path / "spool" / "0")
    records = itertools.chain.from_iterable(
        split(path.read_bytes()[len(HEADER) :], final=True).records for path in files
    )
    found = [delivery.decode(record) for record in records]
    assert len(found) == totals.posts
    assert sum(one.count for one in found) == totals.reports == sum(told) == 3000
    assert {one.origin for one in found} <= {page.origin.encode() for page in PAGES}
    assert all(one.referer == one.origin for one in found)
