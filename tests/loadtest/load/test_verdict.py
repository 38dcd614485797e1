"""What makes a run fail, and what does not."""

import pytest

from loadtest.load.account import BROKEN, NO_CONNECTION, NO_PREFLIGHT, TIMEOUT, Account, Sum, added, read
from loadtest.load.books import Books
from loadtest.load.profiles import PROFILES
from loadtest.load.verdict import Limit, Requests, judge, notes

AVERAGE = PROFILES["average"]
GOOD = Requests(1000, 0, 20, 50)


def account(*answers: tuple[int | str, Sum]) -> Account:
    found = Account("load-1")
    for answer, what in answers:
        found.taken += 1
        found.count(answer, what)
    return found


SENT = account((204, Sum(1, 90, 0)), (204, Sum(1, 10, 5)))


def books(stored=100, ignored=5, received=None, reports=None, balanced=True, rejected=0, **outcomes: int) -> Books:
    ledger = dict.fromkeys(("retried", "sampled", "foreign"), 0) | {"stored": stored} | outcomes
    went = sum(ledger.values()) + ignored + rejected
    ledger |= {"ignored": {"deprecation": ignored}, "rejected": {"busy": rejected}, "balanced": balanced}
    ledger["received"] = went if received is None else received
    return Books(ledger, {"reports": stored if reports is None else reports, "lag_seconds": 0.0})


def failed(requests=GOOD, sent=SENT, found=None, lost=0, limit=None, profile=AVERAGE) -> list[str]:
    lines = judge(profile, requests, sent, books() if found is None else found, lost, limit)
    return [line.text.partition(":")[0] for line in lines if not line.holds]


def test_a_good_run_holds():
    assert failed() == []


@pytest.mark.parametrize(
    "requests, what",
    [
        (GOOD._replace(failed=2), "errors"),
        (GOOD._replace(p95=201), "p95"),
        (GOOD._replace(p99=501), "p99"),
    ],
)
def test_a_threshold_fails_a_run(requests, what):
    assert failed(requests) == [what]


def test_a_share_of_errors_that_is_allowed_is_no_failure():
    assert failed(GOOD._replace(failed=1)) == []


def test_a_run_without_one_good_answer_fails():
    assert "answered 204" in failed(Requests(0, 0, 0, 0), account(), books(0, 0))


@pytest.mark.parametrize("stored", [99, 101])
def test_a_report_that_is_lost_or_counted_twice_fails_a_run(stored):
    assert failed(found=books(stored)) == ["stored = answered 204"]


def test_a_report_of_another_type_that_is_stored_as_a_violation_fails_a_run():
    assert failed(found=books(101, 4)) == ["stored = answered 204"]


def test_what_the_site_samples_or_calls_foreign_was_answered_too():
    assert failed(found=books(60, sampled=30, foreign=10)) == []


def test_a_store_that_has_fewer_than_its_ledger_says_fails_a_run():
    assert failed(found=books(reports=99)) == ["the store has as many as the ledger says"]


def test_books_that_do_not_balance_fail_a_run():
    assert failed(found=books(balanced=False)) == ["the ledger balances"]
    assert failed(found=books(received=106)) == ["the ledger balances"]


def test_a_console_that_cannot_be_asked_fails_a_run():
    assert failed(found="no console answers") == ["stored = answered 204"]


def test_a_worker_that_did_not_say_what_it_sent_fails_a_run():
    assert failed(lost=1) == ["workers that did not say at the end what they sent"]


@pytest.mark.parametrize("answer", [TIMEOUT, BROKEN, 502, 503])
@pytest.mark.parametrize("stored, holds", [(99, False), (100, True), (107, True), (108, False)])
def test_where_no_answer_tells_the_check_is_a_range_and_that_is_said(answer, stored, holds):
    sent = added([SENT, account((answer, Sum(1, 7, 0)))])
    assert (failed(sent=sent, found=books(stored)) == []) is holds
    assert "so the check is a range" in notes(sent, AVERAGE, AVERAGE.seconds)[0]


@pytest.mark.parametrize("answer", [NO_CONNECTION, NO_PREFLIGHT, 400, 404, 413])
def test_what_was_certainly_refused_may_not_be_stored(answer):
    sent = added([SENT, account((answer, Sum(1, 7, 0)))])
    assert failed(sent=sent, found=books(100)) == []
    assert failed(sent=sent, found=books(107)) == ["stored = answered 204"]


def test_a_browsers_retry_may_be_counted_as_one_or_as_new_but_nothing_else_may():
    sent = added([SENT, account((204, Sum(1, 4, 1, 5)))])
    assert failed(sent=sent, found=books(100, 5, retried=5)) == []
    assert failed(sent=sent, found=books(104, 6)) == []
    assert failed(sent=sent, found=books(99, 5, retried=6)) == ["taken for a browser's retry"]


def test_the_limit_that_a_breakpoint_finds_is_its_result_and_no_failure():
    slow = Requests(1000, 400, 9000, 9900)
    limit = Limit(300, 250, "p95 was 1,200 ms, more than 1,000")
    lines = judge(PROFILES["breakpoint"], slow, SENT, books(), 0, limit)
    assert all(line.holds for line in lines)
    assert "the limit: 250 posts/s held; at 300 posts/s p95 was 1,200 ms, more than 1,000" in [x.text for x in lines]
    assert failed(slow, found=books(99), limit=limit, profile=PROFILES["breakpoint"]) == ["stored = answered 204"]


def test_a_run_that_was_cut_short_or_that_the_sender_could_not_keep_up_with_says_so():
    late = account((204, Sum(1, 1)))
    late.late, late.unsent = 1, 3
    said = "\n".join(notes(late, AVERAGE, 12))
    assert "stopped after 12 of 300 s" in said
    assert "3 posts were due and not sent" in said
    assert "100% of the posts were sent late" in said


def test_accounts_of_workers_travel_and_add_up():
    found = added([read(SENT.plain()), read(account((503, Sum(1, 2, 1))).plain())])
    assert (found.site, found.taken) == ("load-1", 3)
    assert (found.answered.reports, found.answered.ignored, found.unknown.entries) == (100, 5, 3)
    assert found.statuses == {"204": 2, "503": 1}
