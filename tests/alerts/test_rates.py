"""A spike, with a floor; and silence of a site that always reports."""

import json
import time

import pytest

from alerts.events import Event
from alerts.looking import Look
from alerts.rates import spikes
from tests.support.store import account, insert, violation
from tests.support.watched import Watched


def running_minute() -> int:
    return int(time.time()) // 60 * 60


@pytest.fixture
def counted(store, client):
    made = Watched(store, rules={"off": ["new-policy", "new-source"]})
    made.alerts.step()
    return made


def per_minute(
    watched: Watched, reports: list[int], site: str = "shop", first: int = 0, end: int = 0, **fields
) -> None:
    """In the full minutes before `end` or, without it, the running one; the newest last."""
    end = end or running_minute()
    rows = [
        violation(first + back, at=end - back * 60, site=site, reports=number, **fields)
        for back, number in enumerate(reversed(reports), 1)
        if number
    ]
    insert(watched.client, rows)


def look(watched: Watched) -> list[str]:
    watched.alerts._next.clear()
    watched.alerts.step()
    return watched.titles("spike")


def test_half_as_much_again_as_the_five_minutes_before_is_a_spike(counted):
    per_minute(counted, [200] * 20 + [310])
    [title] = look(counted)
    assert title.startswith("shop: reports jumped to 310 reports in the minute of 20")
    assert title.endswith("UTC, 200 a minute before")


@pytest.mark.parametrize("reports", [[200] * 20 + [300], [3] * 20 + [5], [60] * 20 + [99], [80] * 20 + [125]])
def test_less_is_none_nor_is_it_below_the_floors(counted, reports):
    per_minute(counted, reports)
    assert look(counted) == []


def test_noise_makes_no_spike(counted):
    per_minute(counted, [0, 0, 0, 0, 0, 500], noise="extension", noise_rule="x")
    assert look(counted) == []


@pytest.mark.parametrize("fields", [{"verdict": "impossible"}, {"trust": 20}])
def test_what_may_not_be_true_makes_no_spike(counted, fields):
    per_minute(counted, [10] * 20)
    insert(counted.client, [violation(99, at=running_minute() - 60, reports=500, **fields)])
    assert look(counted) == []


def doubtful(watched: Watched, reports: list[int]) -> None:
    """The same of reports that are worth too little."""
    per_minute(watched, reports, first=100, trust=20)


def test_what_is_worth_too_little_hides_no_spike(counted):
    per_minute(counted, [10] * 20 + [1000])
    doubtful(counted, [1000] * 21)
    assert len(look(counted)) == 1


def test_what_is_worth_too_little_makes_no_spike_beside_many_that_are_worth_something(counted):
    per_minute(counted, [90] * 21)
    doubtful(counted, [0] * 20 + [5000])
    assert look(counted) == []


def test_what_is_worth_too_little_in_bursts_makes_no_spike(counted):
    per_minute(counted, [90] * 21)
    doubtful(counted, [0] * 8 + [5000] + [0] * 11 + [5000])
    assert look(counted) == []


def in_windows(before: int, here: int, last: int) -> list[int]:
    """By minute: in two windows before the last one's, in that, and in its ninth minute.

    In two, because what goes on from a site's first minutes is no spike.
    """
    return [before] * 20 + [here] * 8 + [last]


def ninth_minute_is_over() -> int:
    """In a window that is over: what windows tell of a minute depends on which one of them it is."""
    return running_minute() // 600 * 600 - 60


def spikes_at(watched: Watched, end: int) -> list[Event]:
    at = Look(now=end * 1000, since=0, new_since=0, awake=0, alerting=watched.alerting)
    return spikes(watched.client, at)


@pytest.mark.parametrize("browser", ["", "Firefox"])
def test_a_small_rise_beside_a_burst_of_what_is_worth_too_little_is_no_spike(counted, browser: str):
    end = ninth_minute_is_over()
    per_minute(counted, in_windows(100, 110, 110), end=end)
    per_minute(counted, in_windows(0, 0, 100), end=end, first=100, trust=20, browser=browser)
    assert spikes_at(counted, end) == []


def test_a_spike_is_told_beside_a_flood_of_what_is_worth_too_little_though_the_site_was_quieter_than_before(counted):
    end = ninth_minute_is_over()
    per_minute(counted, in_windows(100, 75, 300), end=end)
    per_minute(counted, in_windows(100, 100, 100), end=end, first=100, trust=20, browser="")
    assert len(spikes_at(counted, end)) == 1


def test_most_of_a_spike_is_named_of_what_counts(counted):
    per_minute(counted, [10] * 20 + [400])
    minute = running_minute() - 60
    insert(counted.client, [violation(99, at=minute, reports=900, blocked_host="forged.example", verdict="impossible")])
    look(counted)
    [(evidence,)] = counted.client.query("SELECT evidence FROM alert_events WHERE kind = 'spike'").result_rows
    assert json.loads(evidence)["spread"] == "most of it: script-src-elem cdn.evil.example 400"


def test_the_first_minutes_of_a_site_are_no_spike(counted):
    per_minute(counted, [200, 200, 200])
    assert look(counted) == []


def test_while_it_lasts_it_is_one_event_also_after_a_restart(counted):
    per_minute(counted, [10, 10, 10, 10, 10, 400, 900, 0])
    assert len(look(counted)) == 1
    counted.see(50, at=running_minute() - 180, reports=30)  # late, and in its first minute
    counted.again()
    assert len(look(counted)) == 1


def test_rows_that_come_late_are_found(counted):
    per_minute(counted, [10, 10, 10, 10, 10, 20, 10])
    assert look(counted) == []
    counted.see(50, at=running_minute() - 120, reports=400)
    assert len(look(counted)) == 1


def test_a_sites_own_thresholds_count(store, client):
    watched = Watched(store, rules={"off": ["new-policy", "new-source"]}, small={"spike_reports": 5, "spike_more": 2})
    watched.alerts.step()
    for site in ("shop", "small"):
        per_minute(watched, [3, 3, 3, 3, 3, 7], site=site)
    assert [title.partition(":")[0] for title in look(watched)] == ["small"]


def received(watched: Watched, site: str, hours: int, last_minutes: int, outcome: str = "stored") -> None:
    """A report in each hour, the last one so many minutes ago."""
    lines = [(running_minute() - last_minutes * 60 - hour * 3600, its) for hour in range(hours)
             for its in ("received", outcome)]  # fmt: skip
    account(watched.client, [(site, minute, its, "", 1) for minute, its in lines])


def silent(watched: Watched) -> list[str]:
    watched.alerts._next.clear()
    watched.alerts.step()
    return watched.titles("silence")


@pytest.fixture
def awake(counted):
    """It has been running for long."""
    counted.client.command(
        "ALTER TABLE alert_owners UPDATE awake = awake - INTERVAL 1 DAY WHERE 1 SETTINGS mutations_sync = 1"
    )
    return counted


def test_a_site_that_always_reports_and_stops_is_told_once(awake):
    received(awake, "shop", 24, 62)
    received(awake, "rare", 20, 62)
    received(awake, "busy", 24, 30)
    [title] = silent(awake)
    assert title.startswith("shop: no report since 20")
    awake.again()
    assert len(silent(awake)) == 1


def test_what_is_refused_is_no_report_nor_of_a_site(awake):
    received(awake, "", 24, 62)
    received(awake, "shop", 24, 62, "rejected")
    received(awake, "busy", 24, 62)
    received(awake, "busy", 24, 2, "rejected")
    assert [title.partition(":")[0] for title in silent(awake)] == ["busy"]


def test_not_while_the_log_is_behind(awake):
    received(awake, "shop", 24, 62)
    awake.lag = 120.0
    assert silent(awake) == []


def test_where_the_lag_is_not_known_another_site_has_to_report(awake):
    received(awake, "shop", 24, 62)
    awake.lag = None
    assert silent(awake) == []
    received(awake, "busy", 2, 1)
    assert len(silent(awake)) == 1


def test_not_of_a_time_in_which_nobody_was_looking(counted):
    received(counted, "shop", 24, 62)
    assert silent(counted) == []
