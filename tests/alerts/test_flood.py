"""Many sources at once: what a flood silences is told in one event, and a million freeze nothing."""

import time

from alerts.sources import MOST
from schema.source_trust import FLOOD
from tests.support.million import million
from tests.support.store import insert, violation
from tests.support.watched import Watched


def made_up(number: int) -> str:
    return f"{number:04x}f8b1c02d9e7a.example"


def test_a_flood_is_one_event_a_site_and_day_and_its_made_up_sources_are_silent(watched):
    now = time.time()
    insert(watched.client, [violation(number, at=now, blocked_host=made_up(number)) for number in range(FLOOD)])
    watched.alerts.step()
    watched.alerts.step()
    assert watched.titles("new-source") == []
    [title] = watched.titles("flood")
    assert title.startswith(f"shop: {FLOOD} new sources with few reports on 20")


def test_a_name_of_words_in_it_is_told_after_one_report(watched):
    now = time.time()
    insert(watched.client, [violation(number, at=now, blocked_host=made_up(number)) for number in range(FLOOD)])
    watched.see(FLOOD, blocked_host="real.example")
    watched.alerts.step()
    assert watched.titles("new-source") == ["shop: script-src-elem blocked real.example, never seen before"]


def test_of_a_flood_of_names_the_newest_are_told_and_what_comes_after_it(watched):
    now = time.time()
    rows = [violation(number, at=now - 60, blocked_host=f"h{number}.example") for number in range(MOST + FLOOD)]
    insert(watched.client, rows)
    watched.alerts.step()
    assert len(watched.titles("new-source")) == MOST
    watched.see(len(rows), blocked_host="real.example")
    watched.alerts.step()
    assert "shop: script-src-elem blocked real.example, never seen before" in watched.titles("new-source")


def test_the_millionth_new_source_is_judged_like_the_first(store, client):
    """In less than the memory and the time that a question may take (alerts/asking.py)."""
    watched = Watched(store, rules={"off": ["new-policy"]})
    watched.alerts.step()
    million(client, "shop", arrived="now64(3, 'UTC')", reports=1)
    watched.alerts.step()
    assert MOST <= len(watched.titles("new-source")) <= 5 * MOST  # the newest of each share
    watched.see(1, blocked_host="real.example")
    watched.steps(lambda: "shop: script-src-elem blocked real.example, never seen before" in watched.titles())
