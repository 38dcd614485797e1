"""Estimates and the ledger under attack: whatever is sent, the books balance and estimates stay within their error.

The clock is ours, and chances follow from what is sent and when: so each run decides alike.
"""

import random
from collections import Counter
from statistics import fmean, pstdev

import pytest

from processor.fold import fold
from processor.folded import Folded
from schema.delivery import NONE_STORED, RATE_LIMIT, Delivery, Kind
from schema.sites import Site, Sites
from tests.support.day import Day, body, days, estimated, ledger, violations

CHROME = b"Mozilla/5.0 Chrome/156.0.0.0"


@pytest.fixture
def a_day(tmp_path):
    with days() as found:

        def make(**sites: Site) -> Day:
            (tmp_path / str(len(found))).mkdir()
            found.append(Day(tmp_path / str(len(found)), Sites(sites)))
            return found[-1]

        yield make


def deliveries(seed: int, many: int, *, page: int | None = None) -> list[Delivery]:
    """Single reports and arrays of a site, of ten pages or one."""
    luck, found = random.Random(seed), []
    for number in range(many):
        pages = [luck.randrange(10) if page is None else page for _ in range(luck.choice((1, 1, 1, 7)))]
        entries = [b'{"type":"csp-violation","age":0,"body":%s}' % encoded(its) for its in pages]
        raw = b"[" + b",".join(entries) + b"]" if len(pages) > 1 else b'{"csp-report":%s}' % encoded(pages[0])
        moment = 1_790_000_000_000 + seed * 86_400_000 + number * luck.choice((0, 1, 13))
        found.append(Delivery(moment, "shop", Kind.REPORTS, len(pages), b"", raw))
    return found


def encoded(page: int) -> bytes:
    return b'{"documentURL":"https://shop.example/%d","effectiveDirective":"img-src","blockedURL":"data"}' % page


def error(share: float, sent: int, found: float) -> float:
    """How far an estimate is off, in standard errors."""
    return (found - sent) / (sent * (1 - share) / share) ** 0.5


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.999])
def test_an_estimate_is_unbiased_and_as_exact_as_the_docs_say(share):
    errors = []
    for seed in range(16):
        sent = deliveries(seed, 400, page=seed)
        folded = fold(sent, (), Sites({"shop": Site(sample=share)}))
        its = ledger(folded, "shop")
        assert its["received"] == its.get("stored", 0) + its.get("sampled", 0) == sum(found.count for found in sent)
        rows = violations(folded, "shop")
        assert sum(row.reports for row in rows) == its.get("stored", 0)
        errors.append(error(share, its["received"], estimated(rows)))
    assert abs(fmean(errors)) < 3 / len(errors) ** 0.5
    assert pstdev(errors) < 1.4
    assert max(map(abs, errors)) < 4.5


def test_a_site_that_is_stored_whole_is_exact():
    sent = deliveries(1, 500)
    folded = fold(sent, (), Sites({"shop": Site(sample=1.0)}))
    assert estimated(violations(folded, "shop")) == ledger(folded, "shop")["stored"] == sum(its.count for its in sent)


def test_each_violations_estimate_is_within_its_own_error():
    sent = deliveries(2, 3000)
    sites = Sites({"shop": Site(sample=0.05)})
    whole = fold(sent, (), Sites({"shop": Site()}))
    there = {row.fingerprint: 0.0 for row in violations(whole, "shop")}
    for row in violations(whole, "shop"):
        there[row.fingerprint] += row.reports
    for row in violations(fold(sent, (), sites), "shop"):
        there[row.fingerprint] -= row.estimated
    each = ledger(whole, "shop")["received"] / 10
    assert max(abs(off) for off in there.values()) < 4 * (each * 0.95 / 0.05) ** 0.5


def test_a_share_that_changes_within_a_window_leaves_one_unbiased_sum():
    sent = deliveries(3, 2400)
    shares = (1.0, 0.01, 0.3, 0.1)
    rows, allowed = [], 0.0
    for place, share in enumerate(shares):
        batch = sent[place * 600 : (place + 1) * 600]
        rows += violations(fold(batch, (), Sites({"shop": Site(sample=share)})), "shop")
        allowed += sum(its.count for its in batch) * (1 - share) / share
    assert abs(estimated(rows) - sum(its.count for its in sent)) < 4 * allowed**0.5


def test_collectors_with_different_limits_add_up(a_day):
    """Each of its own file, as while a new one is rolled out; the processor samples what all of them took."""
    luck, sent, rows = random.Random(4), 0, []
    for rate in (5.0, 40.0, 300.0):
        day = a_day(shop=Site(rate_limit=rate, burst=rate))
        for _ in range(2000):
            day.now += 0.01
            day.post("shop", *[luck.randrange(5) for _ in range(luck.choice((1, 1, 6)))])
        folded = day.folded()
        its = ledger(folded, "shop")
        sent += its["received"]
        rows += violations(folded, "shop")
        assert 0 <= its["received"] - estimated(violations(folded, "shop")) < 2000 / rate + 20  # the last of the flood
    assert estimated(rows) > 0.98 * sent


def test_a_limit_and_a_sample_that_both_change_stay_within_their_error(a_day):
    day = a_day(shop=Site(sample=0.5, rate_limit=50.0, burst=50.0))
    rows, sent, seen = [], 0, 0
    for sample, rate in ((0.5, 50.0), (0.2, 20.0), (0.9, None), (0.25, 80.0)):
        day.use(Sites({"shop": Site(sample=sample, rate_limit=rate)}))
        for _ in range(3000):
            day.now += 0.005
            day.post("shop", 1)
            sent += 1
        found = day.deliveries()
        folded = fold(found[seen:], (), day.sites)
        ledger(folded, "shop")
        rows += violations(folded, "shop")
        seen = len(found)
    assert abs(estimated(rows) - sent) < 0.2 * sent  # each that is stored stands for up to 50


@pytest.mark.parametrize("after", [Site(rate_limit=2.0), Site(rate_limit=1000.0), Site()])
def test_what_was_left_out_is_estimated_after_the_sites_file_was_read_again(a_day, after):
    day = a_day(shop=Site(rate_limit=2.0, burst=2.0), blog=Site())
    for _ in range(100):
        day.post("shop", 1)
    day.use(Sites({"shop": after, "blog": Site()}))
    day.use(Sites({"shop": after, "blog": Site()}))
    day.now += 1
    day.post("shop", 1)
    day.post("blog", 1)
    assert estimated(violations(day.folded(), "shop")) == 101
    assert estimated(violations(day.folded(), "blog")) == 1


def test_reading_the_sites_file_again_gives_a_flood_no_new_burst(a_day):
    day = a_day(shop=Site(rate_limit=1.0, burst=10.0))
    for _ in range(20):
        day.use(Sites({"shop": Site(rate_limit=1.0, burst=10.0)}))
        day.post("shop", 1)
    assert ledger(day.folded(), "shop") == {"received": 20, "stored": 10, "sampled": 10}


def test_what_a_flood_left_out_counts_in_the_minute_of_the_report_that_stands_for_it(a_day):
    day = a_day(shop=Site(rate_limit=1.0, burst=1.0))
    for second in (0, 59, 61, 119, 121):  # the last two of each minute follow a flood
        day.now = 1000 * 60.0 + second
        day.post("shop", 1)
        if second in {61, 119}:
            for _ in range(50):
                day.post("shop", 1)
    rows = violations(day.folded(), "shop")
    by_minute = [row.estimated for row in sorted(rows, key=lambda row: row.first_seen)]
    assert sum(by_minute) == 105
    assert by_minute[0] == 2
    assert sorted(by_minute[1:]) == [51, 52]


def mixed(day: Day, luck: random.Random) -> int:
    """A post of any kind; how many reports it counts for at the site `shop`."""
    kind = luck.randrange(6)
    if kind == 0:
        day.send("shop", {"csp-report": body(1) | {"documentURL": "https://elsewhere.example/"}})
        return 1
    if kind == 1:  # one is no violation, one nothing at all
        day.send("shop", [{"type": "csp-violation", "age": 0, "body": body(2)}, {"type": "deprecation", "body": {}}, 7])
        return 3
    if kind == 2:  # an attempt, and twice the same again, as Chromium does
        items = [
            {"type": "csp-violation", "age": 10, "body": body(luck.randrange(10**9)), "url": "https://shop.example/"}
        ]
        for wait in (0, 60, 120):
            day.now += wait
            day.send("shop", [its | {"age": its["age"] + wait * 1000} for its in items], CHROME)
        return 3
    if kind == 3:
        assert day.send("shop", {"nothing": "usable"}).status == 400
        return 1
    pages = [luck.randrange(4) for _ in range(luck.choice((1, 30)))]
    day.post("shop", *pages)
    return len(pages)


@pytest.mark.parametrize(
    "site",
    [Site(), Site(sample=0.0), Site(sample=0.3), Site(rate_limit=1.0), Site(sample=0.3, rate_limit=2.0, burst=5.0),
     Site(sample=0.0, rate_limit=1.0), Site(hosts=("shop.example",), sample=0.5, rate_limit=3.0)],
)  # fmt: skip
def test_the_ledger_balances_whatever_comes(a_day, site):
    day, luck, sent = a_day(shop=site), random.Random(5), 0
    for _ in range(300):
        day.now += luck.random()
        sent += mixed(day, luck)
        day.send("nobody", {"csp-report": body(1)})
    folded = day.folded()
    its = ledger(folded, "shop")
    assert its["received"] == sent
    assert ledger(folded, "") == {"received": 300, "rejected": 300}
    assert sum(row.reports for row in violations(folded, "shop")) == its.get("stored", 0)
    assert (its.get("stored", 0) > 0) is (site.sample > 0)
    assert not violations(folded, "nobody")


def details(folded: Folded) -> Counter[str]:
    found: Counter[str] = Counter()
    for line, reports in folded.ledger.items():
        if line.outcome == "sampled":
            found[line.detail] += reports
    return found


def test_what_no_estimate_can_hold_is_told_apart_in_the_ledger(a_day):
    none, some = a_day(shop=Site(sample=0.0, rate_limit=1.0, burst=3.0)), a_day(shop=Site(rate_limit=1.0, burst=3.0))
    for day in (none, some):
        for _ in range(10):
            day.post("shop", 1)
    assert details(none.folded()) == {NONE_STORED: 10}
    assert details(some.folded()) == {RATE_LIMIT: 7}
