"""The traffic is the same for the same seed, and what it says of itself is what a real fold makes of it."""

import hashlib
import itertools
import json
from collections import Counter

import pytest

from loadtest.capacity.costs import load as load_costs
from loadtest.capacity.demand import Demand
from loadtest.spooled import encoded, write
from loadtest.traffic.browsers import AGENTS, ENGINES
from loadtest.traffic.making import KINDS
from loadtest.traffic.model import SHAPES, Totals, Traffic
from loadtest.traffic.visits import TICK_MS
from loadtest.traffic.world import PAGES
from log.frame import HEADER, split
from log.segments import segments
from processor.browser import browser, major
from processor.fold import fold
from processor.retries import Retries
from schema import delivery
from schema.sites import Sites

BEGAN_MS = 1_793_577_600_000  # a window's beginning
REPORTS = 3000  # folded
MANY = 20_000
STEADY = ["different", "typical", "burst"]


def folded(posts):
    """Totals as the processor finds them, and the windows that its rows are in."""
    deliveries = [delivery.decode(encoded(post, BEGAN_MS)) for post in posts]
    retried = Retries().find(deliveries)
    assert retried == [number for number, post in enumerate(posts) if post.retry_of is not None]
    found = fold(deliveries, retried, Sites())
    by_directive, noise, outcomes, ignored = Counter(), Counter(), Counter(), Counter()
    for row in found.rows.values():
        by_directive[row.violation.effective_directive] += row.violation.reports
        if row.violation.noise:
            noise[row.violation.noise] += row.violation.reports
    for line, reports in found.ledger.items():
        outcomes[line.outcome] += reports
        if line.outcome == "ignored":
            ignored[line.detail] += reports
    assert set(outcomes) <= {"received", "stored", "ignored", "retried"}
    fingerprints = {row.violation.fingerprint for row in found.rows.values()}
    windows = {row.violation.window for row in found.rows.values()}
    preflights, connections = (sum(getattr(post, of) for post in posts) for of in ("preflight", "new_connection"))
    totals = Totals(
        len(deliveries), outcomes["stored"], len(fingerprints), by_directive, noise, ignored, outcomes["retried"],
        preflights, connections,
    )  # fmt: skip
    assert outcomes["received"] == totals.received
    return totals, windows


@pytest.mark.parametrize("shape,seed", [*((shape, 1) for shape in SHAPES), ("learned", 2), ("demo", 7)])
def test_a_real_fold_finds_exactly_the_totals_that_the_traffic_states(shape, seed):
    traffic = Traffic(shape, REPORTS, seed)
    posts = list(traffic)
    found, windows = folded(posts)
    assert found == traffic.totals
    assert found.reports == REPORTS
    assert windows == {BEGAN_MS // 1000}
    assert [post.at_ms for post in posts] == sorted(post.at_ms for post in posts)


@pytest.mark.parametrize("rate", [5, 100, 1_000_000])
def test_they_are_exact_at_any_rate(rate):
    traffic = Traffic("learned", REPORTS, 3, rate=rate)
    assert folded(list(traffic))[0] == traffic.totals
    assert traffic.totals.retried > 0


@pytest.mark.parametrize("shape", ["burst", "learned"])
def test_the_same_seed_makes_the_same_posts_and_another_makes_others(shape):
    first, again, other = (list(Traffic(shape, 2000, seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_the_benchmark_s_traffic_is_what_its_recorded_figures_were_measured_with():
    """Who changes it measures all anew: README.md, recorded.json, capacity/costs.json."""
    found = hashlib.sha256()
    for shape in STEADY:
        for post in Traffic(shape, MANY, 3):
            found.update(b"%b %b %d\n" % (post.body, post.agent.text.encode(), post.at_ms))
    assert found.hexdigest()[:16] == "c6018b427581ef28"


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


def test_a_browser_is_called_what_the_processor_calls_it():
    for agent in AGENTS:
        found = browser(agent.text)
        assert agent.browser == f"{found.name} {major(found.version)}"


def test_shares_that_no_capture_tells_are_those_of_the_capacity_model():
    costs = load_costs().costs
    assert {SHAPES[shape].repeats for shape in ("typical", "learned", "demo")} == {Demand(1).repeats}
    assert ENGINES["webkit"] / sum(ENGINES.values()) == costs.connection_share


class TestBrowsers:
    """As rules 25 to 30 have it."""

    POSTS = tuple(Traffic("learned", MANY, 5, rate=50))
    ARRAYS = tuple(post for post in POSTS if post.body[:1] == b"[")

    def of(self, engine):
        return [post for post in self.ARRAYS if post.agent.engine == engine and post.retry_of is None]

    def test_every_array_of_chromium_has_a_preflight_and_firefox_asks_once_a_visitor(self):
        assert all(post.preflight for post in self.of("chromium"))
        firefox = self.of("firefox")
        assert len({post.visitor for post in firefox}) == sum(post.preflight for post in firefox) < len(firefox)
        assert not any(post.preflight for post in self.POSTS if post.body[:1] != b"[")

    def test_every_report_of_webkit_has_a_connection_of_its_own_and_the_others_keep_theirs(self):
        webkit = [post for post in self.POSTS if post.agent.engine == "webkit"]
        assert all(post.new_connection for post in webkit)
        others = [post for post in self.POSTS if post.agent.engine != "webkit"]
        assert len({post.visitor for post in others}) == sum(post.new_connection for post in others)

    def test_a_browser_of_chromium_sends_on_its_tick_of_a_minute_all_tabs_at_once(self):
        times = {}
        for post in self.of("chromium"):
            times.setdefault(post.visitor, []).append(post.at_ms)
        assert all(len({at % TICK_MS for at in its}) == 1 for its in times.values())
        assert len({its[0] % TICK_MS for its in times.values()}) > 300
        assert any(len(set(its)) < len(its) for its in times.values())
        assert any(len(set(its)) > 1 for its in times.values())

    def test_what_is_sent_again_is_the_same_but_for_its_ages_and_comes_after_growing_pauses(self):
        again = [post for post in self.POSTS if post.retry_of is not None]
        sent = {}
        for post in again:
            first = self.POSTS[post.retry_of]
            sent.setdefault(post.retry_of, [first.at_ms]).append(post.at_ms)
            waited = post.at_ms - first.at_ms
            aged = [item | {"age": item["age"] + waited} for item in json.loads(first.body)]
            assert json.loads(post.body) == aged
            assert (post.agent.engine, post.content_type) == ("chromium", b"application/reports+json")
        assert len(sent) > 10
        for times in sent.values():
            pauses = [later - before for before, later in itertools.pairwise(times)]
            assert pauses[0] >= TICK_MS
            assert all(later > before for before, later in itertools.pairwise(pauses))
        assert any(len(times) > 2 for times in sent.values())

    def test_an_array_is_of_one_document_and_names_the_browser_that_sends_it(self):
        for post in self.ARRAYS:
            items = json.loads(post.body)
            assert len({item["url"] for item in items}) == 1
            assert {item["user_agent"] for item in items} == {post.agent.text}
            assert len(items) == post.entries
            assert Counter(item["type"] for item in items if item["type"] != "csp-violation") == post.ignored

    def test_what_repeats_falls_as_one_over_its_rank(self):
        """Of Chromium's single reports: by what the first page gives, beside the second, and so on."""
        pages = Counter()
        for post in self.POSTS:
            if post.agent.engine == "chromium" and post.body[:1] == b"{":
                pages[json.loads(post.body)["csp-report"]["document-uri"].partition("?")[0]] += 1
        ranked = [number for _, number in pages.most_common()]
        for rank in (2, 5, 10):
            assert 0.8 < ranked[0] / ranked[rank - 1] / rank < 1.25


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
