"""Many sources at once: what a flood silences is told in one event, and a million freeze nothing."""

import time

from schema.source_trust import FLOOD
from tests.support.million import million
from tests.support.store import insert, violation
from tests.support.watched import Watched


def test_a_flood_is_one_event_a_site_and_day_and_its_sources_are_silent(watched):
    now = time.time()
    insert(watched.client, [violation(number, at=now, blocked_host=f"h{number}.example") for number in range(FLOOD)])
    watched.alerts.step()
    watched.alerts.step()
    assert watched.titles("new-source") == []
    [title] = watched.titles("flood")
    assert title.startswith(f"shop: {FLOOD} new sources with few reports on 20")


def test_one_that_three_browsers_report_is_none_of_it(watched):
    now = time.time()
    insert(watched.client, [violation(number, at=now, blocked_host=f"h{number}.example") for number in range(FLOOD)])
    for number, browser in enumerate(("Chrome", "Firefox", "Safari"), FLOOD):
        watched.see(number, browser=browser, browser_version=str(100 + number), blocked_host="real.example")
    watched.alerts.step()
    assert watched.titles("new-source") == ["shop: script-src-elem blocked real.example, never seen before"]


def test_the_millionth_new_source_is_judged_like_the_first(store, client):
    """In less than the memory and the time that a question may take (alerts/asking.py)."""
    watched = Watched(store, rules={"off": ["new-policy"]})
    watched.alerts.step()
    million(client, "old", arrived="now64(3, 'UTC')", reports=1)
    watched.alerts.step()
    assert watched.titles("new-source") == []
    watched.see(1, site="shop")
    watched.steps(lambda: watched.titles("new-source"))
    assert watched.titles("new-source") == ["shop: script-src-elem blocked cdn.evil.example, never seen before"]
