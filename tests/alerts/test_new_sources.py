"""A source never seen before is told once, with its evidence; what may not be true is not."""

import time

from tests.support.store import insert, violation
from tests.support.watched import Watched


def test_a_new_source_is_told_within_ten_seconds_with_all_evidence(watched, receiver):
    began = time.monotonic()
    watched.see(1, verdict="consistent", verdict_reason="script-src", sample="alert(1)", trust=100)
    watched.steps(receiver.taken)
    assert time.monotonic() - began < 10
    [request] = receiver.taken()
    assert request.signed_by("s3cret")
    message = request.json
    assert message["title"] == "shop: script-src-elem blocked cdn.evil.example, never seen before"
    assert request.headers["idempotency-key"] == request.headers["x-sentinel-id"] == message["id"]
    [event] = message["events"]
    known = {
        "kind": "new-source", "site": "shop", "directive": "script-src-elem", "blocked": "cdn.evil.example",
        "page": "https://www.shop.example/page/1", "source": "https://www.shop.example/app.js:12:34",
        "sample": "alert(1)", "reports": 1, "pages": 1, "browsers": ["Chrome"], "policy": "default-src 'self'",
        "policy_hash": "00000000000000aa", "verdict": "consistent", "trust": 100, "disposition": "enforce",
        "link": "https://csp.example/violations?site=shop&directive=script-src-elem&blocked_host=cdn.evil.example",
    }  # fmt: skip
    assert known.items() <= event.items()
    for words in ("first page: https://www.shop.example/page/1, 20", "app.js:12:34", "reach: 1 report, 1 page, Chrome",
                  "verdict: consistent (script-src of its own policy blocks it)", "trust: 100 of 100"):  # fmt: skip
        assert words in message["text"]


def test_it_is_told_once(watched, receiver):
    watched.see(1)
    watched.steps(receiver.taken)
    for _ in range(3):
        watched.see(1)
        watched.alerts.step()
    watched.again().step()
    assert len(watched.titles("new-source")) == 1


def test_what_is_there_before_alerts_are_first_started_is_not_new(store, client, receiver):
    watched = Watched(store, receiver.url)
    watched.see(1)
    watched.alerts.step()
    watched.see(1)
    watched.see(2, blocked_host="other.example")
    watched.steps(lambda: watched.titles("new-source"))
    assert watched.titles("new-source") == ["shop: script-src-elem blocked other.example, never seen before"]


def test_noise_impossible_and_low_trust_are_silent_until_there_is_better(watched):
    watched.see(1, noise="extension", noise_rule="x")
    watched.see(2, blocked_host="b.example", verdict="impossible", trust=60)
    watched.see(3, blocked_host="c.example", trust=40)
    watched.alerts.step()
    assert watched.titles("new-source") == []
    watched.see(1)
    watched.see(4, blocked_host="b.example", verdict="consistent")
    watched.see(5, blocked_host="c.example", trust=90)
    watched.alerts.step()
    assert len(watched.titles("new-source")) == 3


def test_a_site_may_want_to_hear_of_noise_impossible_and_low_trust(store, client):
    watched = Watched(store, shop={"noise": True, "impossible": True, "min_trust": 10})
    watched.alerts.step()
    for site in ("shop", "other"):
        watched.see(1, site=site, noise="extension", noise_rule="x")
        watched.see(2, site=site, blocked_host="b.example", verdict="impossible", trust=60)
        watched.see(3, site=site, blocked_host="c.example", trust=40)
    watched.alerts.step()
    assert len(watched.titles("new-source")) == 3
    assert all(title.startswith("shop: ") for title in watched.titles("new-source"))


def test_what_a_person_has_decided_about_is_silent(watched):
    watched.client.insert(
        "source_states", [["shop", "script-src-elem", "cdn.evil.example", "known", int(time.time() * 1000)]],
        column_names=["site", "effective_directive", "blocked", "state", "changed"],
    )  # fmt: skip
    watched.see(1)
    watched.alerts.step()
    assert watched.titles("new-source") == []


def test_a_label_that_changes_makes_no_old_source_new(store, client):
    watched = Watched(store)
    watched.see(1, noise="extension", noise_rule="x")
    watched.alerts.step()
    watched.see(1)  # as a re-labelling inserts it
    watched.alerts.step()
    assert watched.titles("new-source") == []


def test_fifty_at_once_are_one_message_that_tells_of_all(watched, receiver):
    now = time.time()
    insert(watched.client, [violation(number, at=now, blocked_host=f"h{number}.example") for number in range(55)])
    watched.steps(receiver.taken)
    [request] = receiver.taken()
    assert len(request.json["events"]) == 10
    assert len(request.json["more"]) == 45
    assert "55 alerts" in request.json["title"]
    assert len(set(receiver.events())) == 55


def test_what_is_imported_is_told_when_it_is_reported_again(watched):
    watched.see(1, at=time.time() - 5 * 86400)
    watched.alerts.step()
    assert watched.titles("new-source") == []
    watched.see(1)
    watched.alerts.step()
    assert len(watched.titles("new-source")) == 1


def test_the_evidence_is_of_a_report_that_is_still_there(watched):
    """A label that is corrected leaves a row with its reports taken off, until the table is merged."""
    began = time.time()
    watched.see(1, at=began - 5, sample="cancelled")
    watched.see(1, at=began - 5, sample="cancelled", reports=-1)
    watched.see(1, at=began - 5, sample="kept", noise="extension", noise_rule="x")
    watched.see(2, at=began - 1, sample="sound")
    watched.alerts.step()
    evidence = watched.client.query("SELECT evidence FROM alert_events WHERE kind = 'new-source'").result_rows[0][0]
    assert '"sample":"sound"' in evidence


def test_the_link_to_a_kind_is_right_without_evidence_too(watched, monkeypatch):
    monkeypatch.setattr("alerts.evidence.DETAILED", 0)
    watched.see(1, blocked_host="", blocked_kind="inline")
    watched.see(2, blocked_host="localhost")
    watched.alerts.step()
    found = watched.client.query("SELECT evidence FROM alert_events WHERE kind = 'new-source'").result_rows
    links = sorted(evidence.partition('"path":')[2] for (evidence,) in found)
    assert ["&blocked_host=localhost" in links[0], "&blocked_kind=inline" in links[1]] == [True, True]
