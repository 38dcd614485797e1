"""What was found new, newest first, with what became of its messages: for programs and as a page."""

import time

import pytest

from dashboards.app import build
from tests.support.asgi import ask
from tests.support.receiver import Answer, Receiver
from tests.support.store import empty
from tests.support.watched import Watched


@pytest.fixture(scope="module")
def console(store):
    """Three new sources with hostile names, told to one channel that works and to one that fails."""
    empty(store.client())
    with Receiver() as works, Receiver() as fails:
        fails.answers = [Answer(503)] * 100
        watched = Watched(store, works.url, fails.url, rules={"off": ["new-policy"]})
        watched.alerts.step()
        for number, site in enumerate(("shop", "shop", "blog")):
            watched.see(
                number, site=site, blocked_host=f"<b>{number}\u202e.example", document_url="https://x.example/<i>"
            )
        watched.alerts.step()
        ends = time.monotonic() + 30
        while len(works.requests) < 1 or len(fails.requests) < 1:
            assert time.monotonic() < ends
            watched.alerts.step()
        time.sleep(0.2)
        watched.alerts.step()
    return build(store, lambda: None, token=None)


def test_each_is_listed_with_its_evidence_and_the_state_of_its_messages(console):
    found = ask(console, "/api/alerts?kind=new-source").json
    assert (len(found["items"]), found["next"]) == (3, None)
    first = found["items"][0]
    assert first["title"].endswith(", never seen before")
    assert first["evidence"]["page"] == "https://x.example/<i>"
    assert first["evidence"]["first_seen"].endswith("Z")
    sent, failing = sorted(first["messages"], key=lambda message: message["state"], reverse=True)
    assert (sent["state"], sent["attempts"], sent["last_error"]) == ("sent", 1, None)
    assert (failing["state"], failing["last_error"], failing["sent_at"]) == ("due", "answered 503", None)
    assert "/hook" not in sent["channel"]


def test_by_site_and_in_pages(console):
    assert [item["site"] for item in ask(console, "/api/alerts?site=blog&kind=new-source").json["items"]] == ["blog"]
    one, seen = ask(console, "/api/alerts?kind=new-source&limit=1").json, []
    while True:
        seen += [item["id"] for item in one["items"]]
        if one["next"] is None:
            break
        one = ask(console, f"/api/alerts?kind=new-source&limit=1&cursor={one['next']}").json
    assert len(set(seen)) == len(seen) == 3


@pytest.mark.parametrize("wrong", ["kind=x", "site=A", "cursor=x", "limit=0", "q=x"])
def test_what_can_t_be_asked_is_400(console, wrong):
    assert ask(console, f"/api/alerts?{wrong}").status == 400


def test_a_site_that_is_none_is_told_as_everywhere(console):
    assert ask(console, "/api/alerts?site=A").json == ask(console, "/api/totals?site=A").json


def test_the_page_shows_them_and_runs_nothing(console):
    answer = ask(console, "/alerts?kind=new-source")
    assert answer.status == 200
    assert "&lt;b&gt;" in answer.text
    assert "<b>2" not in answer.text
    assert "\u202e" not in answer.text
    assert "failing: answered 503" in answer.text


def test_without_any_it_says_what_will_be_here(console):
    assert "No alerts yet" in ask(console, "/alerts?kind=spike").text
