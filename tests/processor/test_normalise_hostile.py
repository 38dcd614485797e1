"""No JSON is too odd, too large or too slow to become a row that can be stored."""

import json
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.normalise import SAMPLE_BYTES, normalise
from processor.urls import URL_BYTES
from schema.delivery import USER_AGENT_BYTES, Delivery, Kind
from schema.report import SPELLINGS, EntryKind, Unreadable, entries
from schema.sites import Site
from schema.violation import Violation
from tests.support.reports import PLAIN, RECEIVED_MS, entry, row

KINDS = {
    *("url", "self", "inline", "eval", "wasm-eval", "trusted-types", "data", "blob", "filesystem", "about"),
    *("extension", "browser", "empty", "other"),
}
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


def assert_storable(found: Violation) -> None:
    for name, limit in {"sample": SAMPLE_BYTES, "user_agent": USER_AGENT_BYTES, "effective_directive": 256}.items():
        assert len(getattr(found, name).encode()) <= limit, name
    for name in ("document_url", "referrer", "blocked_url", "source_file"):
        assert len(getattr(found, name).encode()) <= URL_BYTES, name
        assert not set("?#\n\r\t") & set(getattr(found, name)), name
    for name in ("document_host", "blocked_host", "blocked_site"):
        assert not set(" /?#@[]") & set(getattr(found, name)), name
        assert len(getattr(found, name)) <= 253
    assert found.blocked_kind in KINDS
    assert found.noise in {"", "extension", "injected", "browser", "foreign", "malformed"}
    assert bool(found.noise) == bool(found.noise_rule)
    assert 0 <= found.line_number < 2**32
    assert 0 <= found.column_number < 2**32
    assert 0 <= found.status_code < 2**16
    assert found.window % 600 == 0
    assert found.window * 1000 <= found.first_seen == found.last_seen <= RECEIVED_MS
    assert len(found.fingerprint) == 16
    as_json = msgspec.json.encode(msgspec.structs.replace(found, fingerprint=b""))  # every text is valid UTF-8
    assert msgspec.json.decode(as_json, type=Violation, strict=True)
    assert b"\\u0000" not in as_json


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
            began = time.process_time()
            row({name: text}, url=text, age=text)
            assert time.process_time() - began < 0.5, (name, unit)
