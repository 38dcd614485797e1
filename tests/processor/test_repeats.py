"""A repeat is normalised once, and is the same as if it had been normalised each time."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processor import repeats
from processor.normalise import normalise
from processor.repeats import KEPT, Repeats
from schema.delivery import Delivery, Kind
from schema.report import SPELLINGS, EntryKind, Unreadable, entries
from schema.sites import Site, Sites
from tests.corpus.captures import all_captures

SITES = Sites({"default": Site(), "kept": Site(keep_query=("id",))})
NAMES = sorted({name for names in SPELLINGS.values() for name in names})
VALUES = st.one_of(
    st.sampled_from(
        ["", None, 1, 1.0, True, 0, False, "1", "inline", "https://a.example/x?id=1", "https://a.example/x?id=2",
         "script-src 'nonce-a'", "script-src 'nonce-b'", "http://a.example?x@b", "https", [], {}, 2**70]
    ),
    st.text(max_size=12),
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


def deliveries(body: bytes, site: str = "default") -> list[Delivery]:
    """The same at two moments."""
    return [Delivery(1_793_577_600_000 + n * 700_000, site, Kind.REPORTS, 1, b"agent", body) for n in range(2)]


def both_ways(known: Repeats, delivery: Delivery) -> tuple[list, list]:
    found = [entry for entry in entries(delivery.body) if entry.kind is EntryKind.VIOLATION]
    site = SITES.get(delivery.site)
    return (
        [known.normalised(entry, delivery, SITES) for entry in found],
        [normalise(entry, delivery, site) for entry in found],
    )


def test_every_capture_is_the_same_each_time_it_is_sent():
    known = Repeats()
    for capture in all_captures():
        for later in range(2):
            delivery = capture.delivery()
            delivery = msgspec.structs.replace(delivery, received_ms=delivery.received_ms + later * 700_000)
            recognised, each = both_ways(known, delivery)
            assert recognised == each


@given(st.lists(BODIES, min_size=1, max_size=6), st.sampled_from(["default", "kept"]))
def test_whatever_is_sent_is_the_same_as_if_nothing_was_known(bodies, site):
    known = Repeats()
    for body in bodies:
        modern = {"type": "csp-violation", "body": body}
        for whole in ({"csp-report": body}, modern, [modern | {"age": 7, "user_agent": "a"}]):
            for delivery in deliveries(msgspec.json.encode(whole), site):
                try:
                    recognised, each = both_ways(known, delivery)
                except Unreadable:
                    continue
                assert recognised == each


def test_what_differs_in_nonce_query_and_moment_is_normalised_once(monkeypatch):
    made = []
    monkeypatch.setattr(repeats, "normalise", lambda *given: made.append(1) or normalise(*given))
    known = Repeats()
    for number in range(5):
        body = b"""{"csp-report": {"document-uri": "https://a.example/x?q=%d", "blocked-uri": "inline",
                    "original-policy": "script-src 'nonce-%d'"}}""" % (number, number)
        for delivery in deliveries(body):
            both_ways(known, delivery)
    assert len(made) == 1


def test_a_repeat_may_be_counted_in_without_changing_the_next():
    known = Repeats()
    [delivery, _] = deliveries(b'{"csp-report": {"blocked-uri": "inline"}}')
    [first], _ = both_ways(known, delivery)
    first.reports, first.noise = 99, "changed"
    [second], [fresh] = both_ways(known, delivery)
    assert second == fresh


def test_a_changed_sites_file_is_followed_at_once():
    known = Repeats()
    [delivery, _] = deliveries(b'{"csp-report": {"document-uri": "https://a.example/x?id=7", "blocked-uri": "inline"}}')
    [entry] = entries(delivery.body)
    assert known.normalised(entry, delivery, Sites()).document_url == "https://a.example/x"
    changed = Sites({"default": Site(keep_query=("id",))})
    assert known.normalised(entry, delivery, changed).document_url == "https://a.example/x?id=7"


def test_no_more_than_the_last_ones_are_remembered():
    known = Repeats()
    for number in range(KEPT + 100):
        [delivery, _] = deliveries(b'{"csp-report": {"document-uri": "https://a.example/%d"}}' % number)
        both_ways(known, delivery) if number < 3 else known.normalised(entries(delivery.body)[0], delivery, SITES)
    assert len(known._known) == KEPT
