"""What strangers wrote can't hide, reorder, mention or mark up anything in a message."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.events import Event, title
from alerts.message import compose
from alerts.texts import clean, plain
from schema.names import ALERT_KINDS

HOSTILE = "<!channel> @here [x](https://evil) `rm` *b*\u202e\u200b\x00\x1b[31m\n\u2028" + "a" * 70_000


@given(st.text(max_size=500), st.integers(20, 300))
def test_any_text_becomes_one_short_printable_line(text, longest):
    found = clean(text, longest)
    assert len(found) <= longest
    assert all(char.isprintable() or char.isspace() for char in found)
    assert not set("\r\n\t\u202e\u2066\u200b\ufeff") & set(found)


def test_mentions_and_markup_are_none_for_services_that_read_them():
    found = plain(clean(HOSTILE))
    assert not set("<>@[]`*|") & set(found)


def test_what_is_long_keeps_its_beginning_and_its_end():
    assert clean("https://" + "a" * 5000 + "/app.js").endswith("/app.js")


def test_a_message_of_hostile_events_is_bounded():
    evidence = dict.fromkeys(
        ("page", "source", "sample", "policy", "policy_hash", "verdict", "verdict_reason", "disposition", "note"),
        HOSTILE,
    )
    events = [
        Event(kind="new-source", site="shop", directive=HOSTILE, blocked=HOSTILE, time=0, occasion=str(number),
              title=title("new-source", "shop", HOSTILE, HOSTILE),
              evidence=evidence | {"browsers": [HOSTILE] * 99, "path": "/violations", "trust": 1, "reports": 1})
        for number in range(60)
    ]  # fmt: skip
    message = compose("id", 0, events, "https://csp.example", others_of=["shop"] * 1940)
    assert (len(message.events), len(message.more), message.others) == (10, 50, 1940)
    assert "and 1,940 more: https://csp.example/alerts" in message.text
    assert len(message.text) < 60_000
    assert not set("\u202e\x1b\x00\u2028") & set(message.text + str(message.events))


def test_every_kind_has_a_title():
    for kind in ALERT_KINDS:
        assert title(kind, "shop", "img-src", "inline", "more").startswith("shop: ")
