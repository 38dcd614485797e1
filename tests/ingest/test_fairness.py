"""Who may add to a spool that nobody reads: what the collector says, and what lies in the spool then."""

import pytest

from ingest.collector import Collector
from ingest.fairness import Shares
from ingest.spool import Spool
from ingest.told import Told
from log.frame import HEADER, split
from log.protocols import LogFull
from log.segments import SegmentWriter, segments
from schema import delivery
from schema.delivery import Kind
from schema.reasons import Reason
from schema.sites import Sites

LEGACY = b'{"csp-report":{"document-uri":"https://shop.example/","blocked-uri":"https://evil.example/x.js"}}'
QUOTA = 256 << 10


@pytest.fixture(params=[False, True], ids=["disk", "memory"])
def spool(request, tmp_path):
    writer = SegmentWriter(tmp_path, QUOTA)
    yield Spool(writer, hold=request.param)
    writer.close()


def fields(site: str, length: int = 300) -> tuple:
    return (1_790_000_000_000, site, Kind.REPORTS, 1, b"", b" " * length)


def taken(spool: Spool, site: str, most: int = 10_000) -> int:
    """How many reports of a flood."""
    for number in range(most):
        try:
            spool.append(fields(site))
        except LogFull:
            return number
    return most


def test_one_site_uses_nine_tenths_and_others_what_is_left(spool):
    alone = taken(spool, "shop")
    assert 0.88 < spool._writer.waiting / QUOTA + spool._held_bytes / QUOTA < 0.91
    assert not taken(spool, "shop")
    assert taken(spool, "blog", 20) == 20
    assert taken(spool, "blog") > 0.05 * alone
    assert taken(spool, "news", 5) == 5


def test_two_floods_at_once_get_the_same(spool):
    got = {"shop": 0, "blog": 0}
    for site in ["shop", "blog"] * 600:
        got[site] += taken(spool, site, 1)
    assert abs(got["shop"] - got["blog"]) <= 1
    assert taken(spool, "news", 5) == 5


def test_reports_that_are_written_together_take_no_more_than_each_alone(spool):
    taken(spool, "shop")
    with pytest.raises(LogFull):
        spool.append(fields("blog"), fields("shop"))
    spool.append(fields("blog"), fields("news"))
    with pytest.raises(LogFull):
        spool.append(*[fields("late")] * 70)
    spool.append(fields("late"))


def test_when_the_reader_has_taken_something_the_site_goes_on(spool, tmp_path):
    taken(spool, "shop")
    spool.flush()
    taken(spool, "shop")
    assert spool.full
    for path in segments(tmp_path)[:-1]:
        path.unlink()
    spool._writer.tend()
    spool.tend()
    assert not spool.full
    assert taken(spool, "shop") > 100


def test_after_a_restart_what_was_there_is_nobodys(tmp_path):
    (tmp_path / "00000000000000000001.seg").write_bytes(bytes(QUOTA * 19 // 20))
    writer = SegmentWriter(tmp_path, QUOTA)
    spool = Spool(writer, hold=False)
    assert not spool.full  # or nobody would send anything to a worker that starts so
    assert taken(spool, "shop") > 10
    assert taken(spool, "blog", 1) == 1
    writer.close()


def test_a_spool_without_any_room_is_full_whoever_holds_it():
    assert Shares().used_up(free=10, within=10)
    assert not Shares().used_up(free=11, within=10)


def test_sites_that_hold_nothing_any_more_give_their_shares_up():
    shares = Shares()
    for number in range(2000):
        shares.add(f"x{number}", 100)
    shares.shrink(0)
    shares.add("shop", 9000)
    assert not shares.allow({"shop": 100}, 1000)
    assert shares.allow({"blog": 100}, 1000)


def test_refusals_of_unknown_sites_take_nothing_from_sites_that_come_late():
    shares = Shares()
    for number in range(999):
        shares.add(f"x{number}", 1)
    shares.add("", 9000)
    assert not shares.allow({"": 100}, 1000)
    assert shares.allow({"late": 100}, 1000)


def test_labels_made_up_without_end_leave_room_for_sites_that_were_there_before():
    shares, free = Shares(), 8 << 20
    shares.add("shop", 1000)
    for number in range(20_000):
        label, length = f"x{number}", 1100
        if shares.allow({label: length}, free):
            shares.add(label, length)
            free -= length
    assert len(shares._held) <= 1001
    assert free > 500_000
    assert not shares.allow({"y": 1100}, free)
    assert shares.allow({"shop": 1100}, free)


def test_bodies_that_are_refused_are_counted_for_the_site_and_not_kept_beyond_its_share(tmp_path):
    writer = SegmentWriter(tmp_path, QUOTA)
    collector = Collector(Spool(writer, hold=False), Sites(), 64 << 10)
    assert {collector.accept(b"x" * 4000, Told("shop")).status for _ in range(500)} == {400}
    assert collector.accept(LEGACY, Told("shop")).status in {204, 503}
    assert collector.accept(LEGACY, Told("blog")).status == 204
    assert collector._unwritten.counts["shop", "not-json"] > 300
    writer.close()


def test_a_network_that_floods_over_its_limit_takes_nothing_of_the_sites_share(tmp_path):
    writer = SegmentWriter(tmp_path, QUOTA)
    collector = Collector(Spool(writer, hold=False), Sites(), 64 << 10)
    for _ in range(6000):
        assert collector.refuse(Reason.CLIENT_LIMIT, b"", None, "shop").status == 429
    assert writer.waiting > 0.88 * QUOTA
    assert [collector.accept(LEGACY, Told("shop")).status for _ in range(20)] == [204] * 20
    writer.close()


def test_posts_over_the_clients_limit_that_come_together_are_one_record(tmp_path):
    writer = SegmentWriter(tmp_path, QUOTA)
    collector = Collector(Spool(writer, hold=False), Sites(), 64 << 10)
    answers = collector.accept_all([(None, Told("shop")), (LEGACY, Told("shop"))] + [(None, Told("shop"))] * 8)
    writer.close()
    assert {position: answer.status for position, answer in answers.items()} == dict.fromkeys([0, *range(2, 10)], 429)
    [path] = segments(tmp_path)
    found = [delivery.decode(record) for record in split(path.read_bytes()[len(HEADER) :], final=True).records]
    assert [(its.kind, its.count, its.detail) for its in found] == [
        (Kind.REPORTS, 1, ""),
        (Kind.REFUSAL, 9, Reason.CLIENT_LIMIT),
    ]
