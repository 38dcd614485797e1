"""From one entry to one row: whose spelling counts, what fillers mean, times, and nothing that raises."""

import json
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.normalise import OLDEST_MS, SAMPLE_BYTES, normalise
from processor.urls import URL_BYTES
from schema.delivery import USER_AGENT_BYTES, Delivery, Kind
from schema.report import SPELLINGS, Entry, EntryKind, Unreadable, entries
from schema.sites import Site
from schema.violation import Violation

RECEIVED_MS = 1_793_577_912_345
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
PLAIN = {
    "document-uri": "https://www.shop.example/cart?id=7",
    "referrer": "https://www.shop.example/?q=shoes",
    "effective-directive": "script-src-elem",
    "blocked-uri": "https://cdn.example/a.js",
    "disposition": "enforce",
    "source-file": "https://www.shop.example/app.js?v=3",
    "line-number": 12,
    "column-number": 34,
    "status-code": 200,
    "script-sample": "",
    "original-policy": "script-src 'self'",
}
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


def entry(body, *, legacy=True, url=None, age=None, user_agent=None):
    return Entry(EntryKind.VIOLATION, "csp-violation", body, url, age, user_agent, legacy)


def row(body, *, site=None, agent=FIREFOX, **envelope) -> Violation:
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent.encode(), b"")
    return normalise(entry(body, **envelope), delivery, site or Site())


def test_a_plain_report_becomes_a_row():
    found = msgspec.structs.asdict(row(PLAIN))
    assert found.pop("fingerprint") == bytes.fromhex("3c28683afb83e967b89233b8e67ead8d")
    assert found == {
        "site": "shop",
        "window": 1_793_577_600,
        "document_url": "https://www.shop.example/cart",
        "document_host": "www.shop.example",
        "referrer": "https://www.shop.example/",
        "effective_directive": "script-src-elem",
        "blocked_url": "https://cdn.example/a.js",
        "blocked_host": "cdn.example",
        "blocked_site": "cdn.example",
        "blocked_kind": "url",
        "disposition": "enforce",
        "source_file": "https://www.shop.example/app.js",
        "line_number": 12,
        "column_number": 34,
        "status_code": 200,
        "sample": "",
        "original_policy": "script-src 'self'",
        "policy_hash": "dc53d6a369071961",
        "browser": "Firefox",
        "browser_version": "153.0",
        "os": "Linux",
        "user_agent": FIREFOX,
        "noise": "",
        "noise_rule": "",
        "first_seen": RECEIVED_MS,
        "last_seen": RECEIVED_MS,
        "reports": 1,
        "verdict": "",
        "verdict_reason": "",
        "trust": 100,
    }


def camel(name):
    first, *rest = name.replace("uri", "URL").split("-")
    return first + "".join(word if word == "URL" else word.title() for word in rest)


def test_every_spelling_gives_the_same_row():
    modern = {"sample" if name == "script-sample" else camel(name): value for name, value in PLAIN.items()}
    snake = {name.replace("-", "_"): value for name, value in PLAIN.items()}
    assert row(PLAIN) == row(modern) == row(snake) == row(modern, legacy=False) == row(PLAIN, legacy=False)


def test_of_two_spellings_the_envelopes_own_wins():
    both = PLAIN | {"documentURL": "https://other.example/", "blockedURL": "inline"}
    assert (row(both).document_host, row(both).blocked_kind) == ("www.shop.example", "url")
    assert (row(both, legacy=False).document_host, row(both, legacy=False).blocked_kind) == ("other.example", "inline")


def test_an_empty_value_gives_way_to_another_spelling():
    assert row(
        {"document-uri": "", "blocked-uri": None, "documentURL": "https://a.example/", "blockedURL": "eval"}
    ) == row({"document-uri": "https://a.example/", "blocked-uri": "eval"})


def test_the_document_is_the_bodys_then_the_requests_then_the_envelopes():
    request = {"request": "GET http://shop.example/page?x HTTP/1.1", "blocked-uri": "inline"}
    assert row(PLAIN | request, url="https://outside.example/").document_host == "www.shop.example"
    assert row(request, url="https://outside.example/").document_url == "http://shop.example/page"
    assert row({"blocked-uri": "inline"}, url="https://outside.example/x?y").document_url == "https://outside.example/x"
    assert row({"blocked-uri": "inline"}).document_url == ""


def test_the_reports_own_user_agent_goes_before_the_header():
    found = row(PLAIN, agent="curl/8.5.0", user_agent=FIREFOX)
    assert (found.browser, found.user_agent) == ("Firefox", FIREFOX)
    assert row(PLAIN, agent="curl/8.5.0", user_agent="").browser == "curl"


def test_a_user_agent_that_is_no_utf8_is_kept():
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, b"caf\xe9/1.0", b"")
    assert normalise(entry(PLAIN), delivery, Site()).user_agent == "caf\ufffd/1.0"


@pytest.mark.parametrize(
    "sent, stored",
    [("enforce", "enforce"), ("Report", "report"), ("reporting", "report"), ("", ""), ("x", ""), (1, "")],
)
def test_the_disposition_is_one_of_two_or_none(sent, stored):
    assert row(PLAIN | {"disposition": sent}).disposition == stored


@pytest.mark.parametrize(
    "field, name, top",
    [
        ("line_number", "line-number", 2**32),
        ("column_number", "column-number", 2**32),
        ("status_code", "status-code", 2**16),
    ],
)
def test_a_number_beyond_its_column_is_dropped(field, name, top):
    assert getattr(row(PLAIN | {name: top - 1}), field) == top - 1
    assert getattr(row(PLAIN | {name: top}), field) == 0
    assert getattr(row(PLAIN | {name: "70"}), field) == 70


def test_the_first_column_of_no_line_is_a_filler():
    """Firefox sends it in every legacy report without a position."""
    assert row({"document-uri": "https://a.example/", "column-number": 1}).column_number == 0
    assert row({"document-uri": "https://a.example/", "column-number": 5}).column_number == 5
    assert row({"document-uri": "https://a.example/", "column-number": 1, "line-number": 2}).column_number == 1


def test_webkits_filler_for_the_source_is_none():
    page = "https://a.example/page"
    filled = {"documentURL": page, "sourceFile": page, "lineNumber": 0, "columnNumber": 1, "blockedURL": "inline"}
    assert row(filled, legacy=False).source_file == ""
    assert row(filled | {"lineNumber": 2}, legacy=False).source_file == page
    assert row(filled, legacy=False, age=0, user_agent=FIREFOX).source_file == page  # not WebKit's: it says so


@pytest.mark.parametrize("age, taken", [(0, 0), (60_000, 60_000), ("60000", 60_000), (59_999.7, 59_999)])
def test_the_age_is_taken_off(age, taken):
    found = row(PLAIN, age=age)
    assert found.first_seen == found.last_seen == RECEIVED_MS - taken
    assert found.window == (RECEIVED_MS - taken) // 600_000 * 600


@pytest.mark.parametrize("age", [None, -1, OLDEST_MS + 1, "soon", True, [], {}, float("nan"), float("inf"), 10**400])
def test_an_age_that_can_not_be_one_counts_as_none(age):
    assert row(PLAIN, age=age).first_seen == RECEIVED_MS


def test_named_query_parameters_stay_and_do_not_split_pages():
    kept = row(PLAIN, site=Site(keep_query=("id", "q")))
    assert (kept.document_url, kept.referrer) == (
        "https://www.shop.example/cart?id=7",
        "https://www.shop.example/?q=shoes",
    )
    assert kept.fingerprint == row(PLAIN).fingerprint


def test_repeats_that_differ_in_what_varies_are_the_same_violation():
    varied = PLAIN | {
        "document-uri": "https://user@www.shop.example:443/cart?id=8#top",
        "referrer": "https://elsewhere.example/",
        "script-sample": "alert(1)",
        "status-code": 304,
        "original-policy": "script-src 'nonce-1'",
    }
    assert row(varied, age=5000).fingerprint == row(PLAIN).fingerprint


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
@settings(max_examples=300)
def test_any_json_becomes_a_storable_row(body, url, age, user_agent, legacy, agent):
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent, b"")
    one = entry(body, legacy=legacy, url=url, age=age, user_agent=user_agent)
    assert_storable(normalise(one, delivery, Site()))


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
