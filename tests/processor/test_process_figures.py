"""What the processor counts of what it stored: late or not, of which site; and whether its log is away."""

import time

import pytest

from log.protocols import Batch, LogAway
from processor import process
from processor.fold import fold
from schema.delivery import Delivery, Kind
from schema.sites import Site, Sites
from tests.support.figures import Since, figure
from tests.support.processing import Log, Running, batch

LATE, PROCESSED = "sentinel_reports_late_total", "sentinel_reports_processed_total"
BODY = b'{"csp-report":{"document-uri":"https://shop.example/","blocked-uri":"data"}}'


def delivery(age: float, site: str = "shop", count: int = 1, kind: Kind = Kind.REPORTS) -> Delivery:
    body = BODY if kind is Kind.REPORTS else b""
    return Delivery(int((time.time() - age) * 1000), site, kind, count, b"", body, "" if body else "busy")


def measure(*deliveries: Delivery, sites: Sites | None = None) -> None:
    sites = sites or Sites()
    process._measure(Batch("1", list(deliveries)), fold(list(deliveries), (), sites), sites)


def test_reports_are_late_after_a_minute_each_by_its_own_age():
    late, stored = Since(LATE), Since(PROCESSED, outcome="stored")
    measure(delivery(0), delivery(30), delivery(61), delivery(3600))
    assert (late.grown(), stored.grown()) == ([2], [4])


def test_what_was_turned_away_and_could_be_written_down_later_is_late_too():
    late = Since(LATE)
    measure(delivery(100, count=40, kind=Kind.REFUSAL), delivery(0))
    assert late.grown() == [40]


def test_an_import_of_an_export_is_never_late():
    late = Since(LATE)
    process._measure(Batch("1", [Delivery(0, "shop", Kind.VIOLATION, 9, b"", b"")]), fold([], (), Sites()), Sites())
    assert late.grown() == [0]


def test_reports_are_counted_by_site_of_the_sites_file_and_others_together():
    shop, other = (Since("sentinel_site_reports_total", site=site) for site in ("shop", ""))
    sites = Sites({"shop": Site()})
    measure(delivery(0), delivery(0), delivery(0, "made-up"), delivery(0, "", 5, Kind.REFUSAL), sites=sites)
    assert (shop.grown(), other.grown()) == ([2], [6])
    assert figure("sentinel_site_reports_total", site="made-up") == 0


def test_without_a_sites_file_labels_that_anyone_can_make_up_are_no_labels():
    other = Since("sentinel_site_reports_total", site="")
    measure(delivery(0, "made-up"))
    assert other.grown() == [1]


@pytest.fixture
def running(clickhouse) -> Running:
    return Running(clickhouse)


def test_a_log_that_is_away_is_told_until_it_is_back(running: Running, monkeypatch):
    monkeypatch.setattr(process, "_FIRST_PAUSE", 0.01)
    seen = []

    class Watched(Log):
        def behind(self) -> float:
            seen.append(figure("sentinel_log_away"))
            return 12.0

    assert running.drained(Watched(LogAway("no broker answers"), batch("1", 1)))
    assert seen[0] == 1
    assert figure("sentinel_log_away") == 0
    assert figure("sentinel_lag_reports") == 12
