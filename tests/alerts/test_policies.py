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
    titles = [title for title in watched.titles("new-policy") if title]
    assert len(titles) == 21
    assert "shop: more than 20 new policies in a day" in titles


def a_day_passes(watched: Watched) -> None:
    """For all that is written down, while no alerts are running."""
    for table, column in (
        ("site_policies", "arrived"),
        ("alert_events", "time"),
        ("alert_owners", "began"),
        ("alert_owners", "looked"),
    ):
        ago = f"ALTER TABLE {table} UPDATE {column} = {column} - INTERVAL 25 HOUR WHERE 1 SETTINGS mutations_sync = 1"
        watched.client.command(ago)
    watched.again()


def test_one_that_came_while_alerts_were_away_is_told(store, client):
    watched = Watched(store)
    watched.alerts.step()
    policies(watched, range(1, 2))
    a_day_passes(watched)
    watched.alerts.step()
    assert len(watched.titles("new-policy")) == 1


def test_one_that_was_forged_a_day_ahead_is_told_when_it_is_credible(store, client):
    watched = Watched(store)
    watched.alerts.step()
    policies(watched, range(1, 2), trust=10)
    watched.alerts.step()
    a_day_passes(watched)
    policies(watched, range(1, 2), trust=90)
    watched.alerts.step()
    assert len(watched.titles("new-policy")) == 1


def test_the_surplus_of_a_day_is_not_told_the_day_after(store, client):
    watched = Watched(store)
    watched.alerts.step()
    policies(watched, range(1, 60))
    watched.alerts.step()
    a_day_passes(watched)
    policies(watched, range(1, 60))
    watched.alerts.step()
    assert len([title for title in watched.titles("new-policy") if title]) == 21
