"""What the collector counts: each valid report once, as taken or as turned away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from ingest.answers import ACCEPTED, UNCONFIRMED
from ingest.collector import Collector
from ingest.spool import Spool
from ingest.tally import TURNED_AWAY
from ingest.told import Told
from log.frame import HEADER, split
from log.segments import SegmentWriter, segments
from schema.delivery import decode
from schema.reasons import Reason
from schema.sites import Site, Sites
from tests.support.figures import Since

ACCEPTED_TOTAL, AWAY = "sentinel_reports_accepted_total", "sentinel_reports_turned_away_total"
REPORT = {"type": "csp-violation", "body": {"documentURL": "https://shop.example/", "effectiveDirective": "img-src"}}
THREE = str([REPORT] * 3).replace("'", '"').encode()
TOLD = Told("shop")


class Kafka:
    """A shipper that is told whether Kafka acknowledges."""

    trouble = ""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers

    async def confirmed(self, *_: Any) -> bool:
        await asyncio.sleep(0)
        return self._answers


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SegmentWriter]:
    found = SegmentWriter(tmp_path, 4000)
    yield found
    found.close()


def test_reports_of_a_body_that_has_no_room_are_turned_away_each(writer: SegmentWriter):
    collector = Collector(Spool(writer, hold=False), Sites(), 10_000)
    collector.tend()
    accepted, away = Since(ACCEPTED_TOTAL), Since(AWAY, cause="spool")
    answers = [collector.accept(THREE, TOLD).status for _ in range(20)]
    collector.tend()
    assert set(answers) == {204, 503}
    assert accepted.grown() == [3 * answers.count(204)]
    assert away.grown() == [3 * answers.count(503)]


@pytest.mark.parametrize("answers", [True, False])
def test_a_report_counts_as_taken_when_kafka_has_it(writer: SegmentWriter, monkeypatch, answers: bool):
    monkeypatch.setattr("ingest.spool.CONFIRM_SECONDS", 0.05)
    collector = Collector(Spool(writer, hold=False, confirmer=Kafka(answers=answers)), Sites(), 10_000)
    collector.tend()
    accepted, away = Since(ACCEPTED_TOTAL), Since(AWAY, cause="unconfirmed")

    async def posted() -> None:
        settling = asyncio.create_task(collector.settled(THREE, collector.accept(THREE, TOLD)))
        await asyncio.sleep(0)
        collector.tend()
        assert accepted.grown() == [0]
        assert await settling is (ACCEPTED if answers else UNCONFIRMED)

    asyncio.run(posted())
    collector.tend()
    assert (accepted.grown(), away.grown()) == (([3], [0]) if answers else ([0], [3]))


@pytest.mark.parametrize("body", [THREE, b"", b"no JSON"])
def test_a_report_of_a_site_that_is_gone_waits_for_nobody_and_is_not_taken(writer: SegmentWriter, body: bytes):
    sites = Sites({"shop": Site(gone=True)})
    collector = Collector(Spool(writer, hold=False, confirmer=Kafka(answers=False)), sites, 10_000)
    collector.tend()
    accepted, away = Since(ACCEPTED_TOTAL), Since(AWAY, cause="unconfirmed")
    assert asyncio.run(collector.settled(body, collector.accept(body, TOLD))).status == 204
    collector.tend()
    assert (accepted.grown(), away.grown()) == ([0], [0])


def test_whatever_else_is_wrong_with_a_request_to_a_site_that_is_gone_it_is_204_and_nothing_of_it_is_kept(
    writer: SegmentWriter, tmp_path: Path
):
    collector = Collector(Spool(writer, hold=False), Sites({"shop": Site(gone=True)}), 10_000)
    for reason in (Reason.TOO_LARGE, Reason.INCOMPLETE, Reason.BUSY, Reason.CLIENT_LIMIT):
        assert collector.refuse(reason, THREE, None, "shop").status == 204
    assert {answer.status for answer in collector.accept_all([(None, TOLD)] * 2).values()} == {204}
    [file] = segments(tmp_path)
    found = [decode(record) for record in split(file.read_bytes()[len(HEADER) :], final=True).records]
    assert [(its.detail, its.count, its.body) for its in found] == [(Reason.GONE, 1, b"")] * 4 + [(Reason.GONE, 2, b"")]


def test_bodies_that_wait_for_kafka_are_held(writer: SegmentWriter, monkeypatch):
    monkeypatch.setattr("ingest.spool.CONFIRM_SECONDS", 0.05)
    collector = Collector(Spool(writer, hold=False, confirmer=Kafka(answers=False)), Sites(), 10_000)

    async def posted() -> None:
        settling = asyncio.create_task(collector.settled(THREE, collector.accept(THREE, TOLD)))
        await asyncio.sleep(0)
        assert collector.unfinished == len(THREE)
        await settling
        assert collector.unfinished == 0

    asyncio.run(posted())


def test_a_body_that_could_not_be_waited_for_counts_as_one(writer: SegmentWriter):
    collector = Collector(Spool(writer, hold=False), Sites(), 10_000)
    away = Since(AWAY, cause="bodies")
    assert collector.refuse(Reason.BUSY, b"[{", None, "shop").status == 503
    assert collector.refuse(Reason.INCOMPLETE, b"[{", None, "shop").status == 408
    collector.tend()
    assert away.grown() == [1]


def test_nothing_is_kept_of_a_body_there_was_only_no_room_for(writer: SegmentWriter, tmp_path: Path):
    Collector(Spool(writer, hold=False), Sites(), 10_000).refuse(Reason.BUSY, b"[{", None, "shop")
    [file] = segments(tmp_path)
    [record] = split(file.read_bytes()[len(HEADER) :], final=True).records
    assert (decode(record).detail, decode(record).body) == (Reason.BUSY, b"")


def test_a_request_counts_by_its_method(writer: SegmentWriter):
    """POSTs are what a pipeline is sized by: a scanner's requests are none."""
    collector = Collector(Spool(writer, hold=False), Sites(), 10_000)
    posts, preflights, others = (Since("sentinel_requests_total", method=its) for its in ("POST", "OPTIONS", "other"))
    collector.accept(THREE, TOLD)
    collector.refuse(Reason.INCOMPLETE, b"[{", None, "shop")
    collector.answer("OPTIONS", "/csp/report/shop")
    collector.answer("OPTIONS", "/csp/report/NO")
    collector.answer("GET", "/csp/report/shop")
    collector.refuse(Reason.TOO_LARGE, b"[{", None, "shop", "OPTIONS")
    collector.refuse(Reason.BAD_HTTP, b"", None, "", "")
    collector.tend()
    assert [its.grown() for its in (posts, preflights, others)] == [[2], [3], [2]]


def test_every_reason_and_cause_is_there_from_the_start(writer: SegmentWriter):
    Collector(Spool(writer, hold=False), Sites(), 10_000).tend()
    for reason in Reason:
        assert REGISTRY.get_sample_value("sentinel_reports_refused_total", {"reason": reason.value}) is not None
    text = Path(__file__).parents[2].joinpath("docs", "runbook.md").read_text()
    for cause in TURNED_AWAY:
        assert REGISTRY.get_sample_value(AWAY, {"cause": cause}) is not None
        assert f"`{cause}`" in text
