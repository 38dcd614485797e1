"""No JSON is too odd, too large or too slow to become a row that can be stored."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.normalise import normalise
from schema.delivery import USER_AGENT_BYTES, Delivery, Kind
from schema.report import SPELLINGS, EntryKind, Unreadable, entries
from schema.sites import Site
from tests.support.reports import PLAIN, RECEIVED_MS, entry, row
from tests.support.storable import assert_storable

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([name for names in SPELLINGS.values() for name in names]) | ANY_TEXT
BODIES = st.dictionaries(NAMES, JSON, max_size=10)


def test_html_and_sql_stay_text():
    hostile = "<script>alert(1)</script>'; DROP TABLE violations; --"
    found = row(dict.fromkeys(PLAIN, hostile), agent=hostile)
    assert (found.blocked_url, found.sample, found.user_agent) == (hostile, hostile, hostile)
    assert found.blocked_kind == "other"


def test_a_huge_report_is_cut_to_size():
    found = row(dict.fromkeys(PLAIN, "https://a.example/" + "ü" * 200_000), agent="x" * 1_000_000)
    assert_storable(found)
    assert len(found.user_agent) == USER_AGENT_BYTES


@given(BODIES, JSON, JSON, JSON, st.booleans(), st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_json_becomes_a_storable_row(body, url, age, user_agent, legacy, agent):
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent, b"")
    one = entry(body, legacy=legacy, url=url, age=age, user_agent=user_agent)
    assert_storable(normalise(one, delivery, Site()))


@settings(deadline=None)
@given(st.lists(BODIES.map(lambda body: {"csp-report": body}) | JSON, max_size=3))
def test_any_body_the_collector_could_take_is_normalised(items):
    body = json.dumps(items).encode()
    try:
        found = entries(body)
    except Unreadable:
        return
    for one in found:
        if one.kind is EntryKind.VIOLATION:
            assert_storable(normalise(one, Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, b"", body), Site()))


UNITS = [
    "a",
    "://",
    "a@",
    "@",
    "?",
    "#",
    "/",
    "\\",
    "%3a",
    "[",
    ":",
    "'nonce-",
    "' ",
    ";",
    "; a",
    "\ud800",
    "é.",
    "\u2028",
]
STARTS = ["", "http://", "https://u:", "blob:http://", "data:", "x "]


@pytest.mark.parametrize("start", STARTS)
def test_the_longest_report_takes_bounded_time(start):
    """256 KiB of one thing over and over, in each field; a quadratic step would take minutes."""
    row(PLAIN)  # the browsers' expressions are compiled at the first use
    for unit in UNITS:
        text = start + unit * (262_144 // len(unit))
        for name in PLAIN:
            began = time.thread_time()
            row({name: text}, url=text, age=text)
            assert time.thread_time() - began < 0.5, (name, unit)
