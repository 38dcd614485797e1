"""Looks that fail in part: what is due is sent and the rest is found all the same."""

from tests.support.watched import Watched

FAILS = "SELECT throwIf(1, 'too much')"


def test_a_question_that_fails_holds_up_no_message_and_no_other_question(watched, receiver, monkeypatch):
    watched.see(1)
    watched.steps(lambda: watched.titles("new-source"))
    monkeypatch.setattr("alerts.source_questions.HOW_MANY", FAILS)
    watched.see(2, policy_hash="bb", blocked_host="b.example")
    watched.steps(lambda: receiver.taken() and len(watched.titles("new-policy")) == 2)
    assert len(watched.titles("new-source")) == 1
    monkeypatch.undo()
    watched.alerts._next.clear()
    watched.steps(lambda: len(watched.titles("new-source")) == 2)


def test_without_its_evidence_an_event_is_told_all_the_same(store, client, monkeypatch):
    watched = Watched(store)
    watched.alerts.step()
    monkeypatch.setattr("alerts.evidence._FIRST", FAILS)
    watched.see(1)
    watched.alerts.step()
    assert watched.titles("new-source") == ["shop: script-src-elem blocked cdn.evil.example, never seen before"]
