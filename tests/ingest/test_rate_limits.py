"""Rate limits of a site and of a client's network, against real collectors."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from ingest.spool import Spool
from ingest.told import Told
from log.segments import SegmentWriter, segments
from schema.delivery import RATE_LIMIT, Kind
from schema.reasons import Reason
from schema.sites import BadSites, Site, Sites, load_sites
from tests.support.collectors import SERVERS, RunningCollector
from tests.support.day import Day, body, days, ledger

LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/","blocked-uri":"https://evil.example/x.js"}}'
LIMITED = "[sites.shop]\nrate_limit = 0.01\nburst = 5\n[sites.blog]\n"


@pytest.fixture(params=SERVERS)
def start(request, tmp_path):
    running = []

    def make(**changed: object) -> RunningCollector:
        running.append(RunningCollector(request.param, tmp_path, **changed))
        return running[-1]

    yield make
    for collector in running:
        if collector.process.poll() is None:
            collector.stop(signal.SIGKILL)


def sites_file(folder: Path, text: str) -> str:
    (folder / "sites.toml").write_text(text)
    return str(folder / "sites.toml")


def test_over_a_sites_limit_reports_are_answered_204_and_counted_and_other_sites_are_not_touched(start, tmp_path):
    collector = start(sites=sites_file(tmp_path, LIMITED))
    assert {collector.post(LEGACY, "/csp/report/shop").status for _ in range(12)} == {204}
    assert {collector.post(LEGACY, "/csp/report/blog").status for _ in range(3)} == {204}
    found = collector.deliveries()
    assert [its.kind for its in found if its.site == "shop"] == [Kind.REPORTS] * 5 + [Kind.LIMITED] * 7
    assert [its.kind for its in found if its.site == "blog"] == [Kind.REPORTS] * 3
    assert {(its.body, its.detail, its.count) for its in found if its.kind == Kind.LIMITED} == {(b"", RATE_LIMIT, 1)}


def test_a_client_network_over_its_limit_is_answered_429_and_nothing_of_its_address_is_kept(start):
    collector = start(client_rate=1)  # so ten at once
    began = time.monotonic()
    answers = [collector.post(LEGACY, x_forwarded_for=f"192.0.2.{number}") for number in range(50)]
    seconds = time.monotonic() - began
    refused = [answer for answer in answers if answer.status == 429]
    assert [answer.status for answer in answers[:10]] == [204] * 10
    assert 40 - seconds - 1 <= len(refused) <= 40  # one a second is taken
    assert refused
    assert refused[0].headers["retry-after"] == "10"
    assert refused[0].headers["content-type"] == "application/problem+json"
    found = collector.deliveries()
    assert [its.body for its in found if its.detail == Reason.CLIENT_LIMIT] == [b""] * len(refused)
    spooled = b"".join(path.read_bytes() for path in segments(collector.spool))
    assert not any(address in spooled for address in (b"127.0.0.1", b"\x7f\0\0\1", b"192.0.2."))


def test_a_connection_goes_on_after_a_429(start):
    collector = start(client_rate=1)
    post = b"POST /csp/report HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n%s" % (len(LEGACY), LEGACY)
    came = collector.raw(post * 40, answers=40)
    assert came.count(b"HTTP/1.1 204 ") >= 10
    assert came.count(b"HTTP/1.1 429 ") >= 1
    assert came.count(b"HTTP/1.1 ") == 40


@pytest.mark.parametrize("server", ["fast", "granian"])
def test_a_limit_that_the_sites_file_gets_later_holds_from_sighup_on(server, tmp_path):
    sites = sites_file(tmp_path, "[sites.shop]\n")
    log = tmp_path / "log"
    logged = f"import os; os.dup2(os.open({str(log)!r}, os.O_WRONLY | os.O_CREAT), 2)"
    collector = RunningCollector(server, tmp_path, logged, sites=sites)
    for _ in range(20):
        collector.post(LEGACY, "/csp/report/shop")
    sites_file(tmp_path, LIMITED)
    collector.process.send_signal(signal.SIGHUP)
    ends = time.monotonic() + 30
    while not any(its.kind == Kind.LIMITED for its in collector.deliveries()) and time.monotonic() < ends:
        collector.post(LEGACY, "/csp/report/shop")
    sites_file(tmp_path, "[sites.shop]\nrate_limit = 'fast'\n")  # is not taken
    collector.process.send_signal(signal.SIGHUP)
    ends = time.monotonic() + 30
    while "the sites file was not reloaded" not in log.read_text():
        assert time.monotonic() < ends
        time.sleep(0.02)
    before = sum(its.kind == Kind.REPORTS for its in collector.deliveries())
    collector.post(LEGACY, "/csp/report/shop")
    assert sum(its.kind == Kind.REPORTS for its in collector.deliveries()) == before >= 20
    assert collector.stop() == 0


RATES = "rate_limit is a number of reports a second, above 0 and at most 1,000,000,000"


@pytest.mark.parametrize(
    ("says", "wrong"),
    [
        ("rate_limit = 0", f"{RATES}, not 0; sample = 0 stores none"),
        ("rate_limit = -3", f"{RATES}, not -3; sample = 0 stores none"),
        ("rate_limit = nan", f"{RATES}, not nan; sample = 0 stores none"),
        ("rate_limit = '9/s'", "Expected `float | null`, got `str` - at `$.rate_limit`"),
        ("burst = 9", "burst needs rate_limit too"),
        ("rate_limit = 9\nburst = 0.5", "burst is a number of reports, from 1 to 1,000,000,000, not 0.5"),
    ],
)
def test_a_wrong_limit_is_told_in_a_sentence(tmp_path, says, wrong):
    path = sites_file(tmp_path, f"[sites.shop]\n{says}\n")
    with pytest.raises(BadSites) as refused:
        load_sites(Path(path))
    assert str(refused.value) == f"{path}: [sites.shop]: {wrong}"


@pytest.fixture
def a_day(tmp_path):
    with days() as found:

        def make(**sites: Site) -> Day:
            found.append(Day(tmp_path, Sites(sites)))
            return found[-1]

        yield make


def test_a_flood_is_limited_exactly_counted_exactly_and_estimated(a_day):
    day = a_day(shop=Site(rate_limit=50.0, burst=100.0), blog=Site(rate_limit=50.0))
    chosen, sent = random.Random(9), 0
    for number in range(6000):  # of a minute, at four times the limit; a third is of page 1
        day.now += 0.01
        pages = [chosen.choice((1, 2, 3)) for _ in range(chosen.choice((1, 1, 4)))]
        day.post("shop", *pages)
        sent += len(pages)
        if number % 100 == 0:
            day.post("blog", 7)
    folded = day.folded()
    shop = ledger(folded, "shop")
    assert shop["received"] == sent
    assert 3095 <= shop["stored"] <= 3105  # 100 at once and 50 a second, and what an array owes at the end
    rows = [row.violation for row in folded.rows.values() if row.violation.site == "shop"]
    assert sum(row.reports for row in rows) == shop["stored"]
    estimated = sum(row.reports + row.left_out for row in rows)
    assert sent - 20 < estimated < sent + 0.01
    first = sum(row.reports + row.left_out for row in rows if row.document_url.endswith("/1"))
    assert abs(first - sent / 3) < 0.1 * sent / 3
    assert ledger(folded, "blog") == {"received": 60, "stored": 60}


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_a_sampled_total_is_estimated_within_its_standard_error(a_day, share):
    day = a_day(shop=Site(sample=share))
    for number in range(4000):
        day.post("shop", number % 5)
    folded = day.folded()
    shop = ledger(folded, "shop")
    assert shop["received"] == shop["stored"] + shop["sampled"] == 4000
    rows = [row.violation for row in folded.rows.values()]
    assert sum(row.reports for row in rows) == shop["stored"]
    estimated = sum(row.reports + row.left_out for row in rows)
    assert abs(estimated - shop["stored"] / share) < 0.01
    assert abs(estimated - 4000) < 4 * (4000 * (1 - share) / share) ** 0.5


def test_a_limit_and_a_sample_multiply(a_day):
    day = a_day(shop=Site(sample=0.25, rate_limit=100.0, burst=1.0))
    for _ in range(8000):
        day.now += 0.0025
        day.post("shop", 1)
    folded = day.folded()
    shop = ledger(folded, "shop")
    assert shop["received"] == 8000
    rows = [row.violation for row in folded.rows.values()]
    assert abs(sum(row.reports + row.left_out for row in rows) - 8000) < 4 * (2000 * 0.75) ** 0.5 / 0.25 * 4


def test_what_the_spool_turns_away_leaves_the_estimate_exact(a_day, tmp_path):
    day = a_day(shop=Site(rate_limit=1.0, burst=1.0))
    say = json.dumps({"csp-report": body(1)}).encode()
    told, room = Told("shop"), day.collector.spool
    for _ in range(4):  # one is taken, three are left out
        day.post("shop", 1)
    full = SegmentWriter(tmp_path / "full", 0)
    day.collector.spool = Spool(full, hold=False)
    assert day.collector.accept(say, told).status == 503  # left out too, and turned away
    day.now += 1
    assert day.collector.accept(say, told).status == 503  # it would have stood for three
    day.now += 1
    day.collector.spool = room
    full.close()
    day.post("shop", 1)
    rows = [row.violation for row in day.folded().rows.values()]
    assert abs(sum(row.reports + row.left_out for row in rows) - 5) < 0.01
