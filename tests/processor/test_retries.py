"""Chromium's retries (rule 26): the same bytes but for larger ages, so that received minus age is the same moment."""

import json
import random

import msgspec
import pytest

from processor.retries import COMMON, Retries
from schema.delivery import Delivery, Kind

CHROME = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
FIREFOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
START = 1_790_000_000_000


def array(
    received: int, *ages: int, page: str = "https://a.example/", agent: bytes = CHROME, site: str = "s"
) -> Delivery:
    items = [{"age": age, "type": "csp-violation", "url": page, "body": {"blockedURL": "inline"}} for age in ages]
    body = json.dumps(items).encode()
    return Delivery(START + received, site, Kind.REPORTS, len(items), agent, body)


def retried(*deliveries: Delivery) -> list[int]:
    return Retries().find(deliveries)


def test_the_same_array_a_minute_later_and_a_minute_older_is_a_retry():
    assert retried(array(0, 10, 500), array(60_003, 60_010, 60_500)) == [1]


def test_a_retry_is_known_a_minute_later_among_thousands_of_arrays_a_second():
    others = [array(n, 10, page=f"https://a.example/{n}") for n in range(60_000)]
    assert retried(array(0, 10), *others, array(60_003, 60_010)) == [60_001]


def test_each_of_ten_attempts_is_folded_away():
    attempts = [array(60_000 * n, 10 + 60_000 * n) for n in range(11)]
    assert retried(*attempts) == list(range(1, 11))


def test_the_same_bytes_again_are_real_repeats_because_their_moment_is_later():
    assert retried(array(0, 10), array(60_000, 10), array(60_001, 10)) == []


def test_another_page_site_or_browser_is_another_report():
    later = 60_000
    assert retried(array(0, 10), array(later, 10 + later, page="https://a.example/b")) == []
    assert retried(array(0, 10), array(later, 10 + later, site="other")) == []
    assert retried(array(0, 10), array(later, 10 + later, agent=CHROME.replace(b"156", b"155"))) == []


def test_only_chromium_retries():
    assert retried(array(0, 10, agent=FIREFOX), array(60_000, 60_010, agent=FIREFOX)) == []


def test_the_agent_may_stand_in_the_report_instead_of_the_header():
    items = [{"age": 10, "type": "csp-violation", "body": {"blockedURL": "a"}, "user_agent": CHROME.decode()}]
    first = Delivery(START, "s", Kind.REPORTS, 1, b"proxy", json.dumps(items).encode())
    items[0]["age"] = 5010
    second = Delivery(START + 5000, "s", Kind.REPORTS, 1, b"proxy", json.dumps(items).encode())
    assert retried(first, second) == [1]


def test_ages_that_did_not_grow_alike_are_other_reports():
    assert retried(array(0, 10, 500), array(60_000, 60_010, 30_000)) == []


def test_another_moment_is_another_report():
    assert retried(array(0, 10), array(60_000, 55_000)) == []


def test_two_tabs_at_nearly_the_same_moment_are_two_reports():
    assert retried(array(0, 10), array(50, 60)) == []


def test_a_report_everybody_sends_is_never_taken_for_a_retry():
    many = [array(n * 7, n) for n in range(COMMON)]
    assert retried(*many, array(60_000, 60_000)) == []


def test_legacy_reports_and_what_is_no_array_are_never_retries():
    body = b'{"csp-report":{"document-uri":"https://a.example/"}}'
    one = Delivery(START, "s", Kind.REPORTS, 1, CHROME, body)
    broken = Delivery(START, "s", Kind.REPORTS, 1, CHROME, b'[{"age":"x"}]')
    assert retried(one, one, broken, broken) == []


def test_a_moment_that_many_share_costs_at_most_a_few_of_their_reports():
    """A push, or a timer on the full minute: one page, one browser, the same moment; sent when each client can."""
    chance = random.Random(7)
    times = sorted(chance.uniform(0, 20_000) for _ in range(40))
    shared = [array(int(at), int(at + chance.uniform(-40, 40))) for at in times if at > 100]
    assert len(retried(*shared)) <= 3


def test_no_browser_tells_such_ages():
    assert retried(array(0, 1 << 64), array(60_000, (1 << 64) + 60_000)) == []


def test_a_record_that_states_a_wrong_count_is_no_retry():
    lying = msgspec.structs.replace(array(0, *[1 << 48] * 70_000), count=1)
    assert retried(lying, lying) == []


def test_of_arrays_that_came_again_those_seen_last_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("processor.retries.KEPT", 2)
    pages = [f"https://a.example/{n}" for n in range(3)]
    retries = Retries()

    def attempt(number: int, page: str) -> bool:
        return retries.find([array(60_000 * number, 60_000 * number, page=page)]) == [0]

    for page in pages[:2]:
        assert [attempt(0, page), attempt(1, page)] == [False, True]
    assert attempt(2, pages[0])  # so the other is the oldest
    assert [attempt(0, pages[2]), attempt(1, pages[2])] == [False, True]
    assert [attempt(4, pages[0]), attempt(2, pages[1])] == [True, False]


def test_a_retry_read_before_its_original_is_the_retry_all_the_same():
    assert retried(array(60_000, 60_010), array(0, 10)) == [0]
