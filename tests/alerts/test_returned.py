"""A known source that was silent for a week and comes back is told, with what was decided about it."""

import time

import pytest

from tests.support.million import million
from tests.support.watched import Watched

LONG_AGO = "now64(3, 'UTC') - INTERVAL 9 DAY"
SOURCE = {"effective_directive": "script-src-elem", "blocked_host": "h0.example"}


@pytest.fixture
def silent(store, client):
    """A source of nine days ago, and alerts that began a day later."""
    million(client, "shop", arrived=LONG_AGO, many=1)
    return Watched(store)


def decided(watched: Watched, state: str, note: str, who: str) -> None:
    row = ["shop", "script-src-elem", "h0.example", state, int(time.time() * 1000), note, who]
    names = ["site", "effective_directive", "blocked", "state", "changed", "note", "who"]
    watched.client.insert("source_states", [row], column_names=names)


def test_one_that_comes_back_is_told_once(silent):
    silent.alerts.step()
    assert silent.titles() == []
    for _ in range(2):
        silent.see(1, **SOURCE)
        silent.alerts.step()
    [title] = silent.titles("returned")
    assert title.startswith("shop: script-src-elem blocked h0.example again, after it was not seen since 20")
    assert silent.titles("new-source") == []


def test_one_that_was_ignored_says_so_by_whom_and_when(silent):
    decided(silent, "ignored", "our own CDN", "ann")
    silent.alerts.step()
    silent.see(1, **SOURCE)
    silent.alerts.step()
    [title] = silent.titles("returned")
    assert title.endswith("; it was ignored by ann")
    evidence = silent.client.query("SELECT evidence FROM alert_events WHERE kind = 'returned'").result_rows[0][0]
    assert "ignored by ann on 20" in evidence
    assert "our own CDN" in evidence


def test_an_ignored_one_that_goes_on_stays_silent(store, client):
    million(client, "shop", arrived="now64(3, 'UTC') - INTERVAL 1 DAY", many=1)
    watched = Watched(store)
    decided(watched, "ignored", "", "ann")
    watched.alerts.step()
    watched.see(1, **SOURCE)
    watched.alerts.step()
    assert watched.titles("returned") == []


def test_how_long_it_must_have_been_away_can_be_set(silent):
    silent.alerting = Watched(silent.store, shop={"returns_days": 10}).alerting
    silent.alerts.step()
    silent.see(1, **SOURCE)
    silent.alerts.step()
    assert silent.titles("returned") == []


def test_noise_that_comes_back_is_not_told(silent):
    silent.alerts.step()
    silent.see(1, noise="extension", noise_rule="x", **SOURCE)
    silent.alerts.step()
    assert silent.titles("returned") == []
