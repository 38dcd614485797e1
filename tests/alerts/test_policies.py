"""A policy never seen before on a site; those that differ with every request are one event a day."""

import time

from tests.support.store import insert, violation
from tests.support.watched import Watched


def policies(watched: Watched, numbers: range, **fields) -> None:
    now = time.time()
    rows = [
        violation(
            number, at=now, policy_hash=f"{number:016x}", original_policy=f"script-src 'self' h{number}", **fields
        )
        for number in numbers
    ]
    insert(watched.client, rows)


def test_a_new_policy_is_told_once_with_its_text(store, client):
    watched = Watched(store)
    watched.alerts.step()
    policies(watched, range(1, 2))
    watched.alerts.step()
    watched.alerts.step()
    assert watched.titles("new-policy") == ["shop: a policy never seen before, 0000000000000001"]
    evidence = watched.client.query("SELECT evidence FROM alert_events WHERE kind = 'new-policy'").result_rows[0][0]
    assert "script-src 'self' h1" in evidence
    assert "/policies/0000000000000001" in evidence


def test_those_of_noise_and_of_low_trust_are_silent(store, client):
    watched = Watched(store)
    watched.alerts.step()
    policies(watched, range(1, 2), noise="extension", noise_rule="x")
    policies(watched, range(2, 3), trust=30)
    watched.alerts.step()
    assert watched.titles("new-policy") == []


def test_more_than_twenty_a_day_are_summed_up(store, client):
    watched = Watched(store)
    watched.alerts.step()
    policies(watched, range(1, 19))
    watched.alerts.step()
    policies(watched, range(19, 40))
    watched.alerts.step()
    watched.again().step()
    titles = watched.titles("new-policy")
    assert len(titles) == 21
    assert "shop: more than 20 new policies in a day" in titles
