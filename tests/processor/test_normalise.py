"""From one entry to one row: whose spelling counts, what fillers mean, and when it was."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor import normalise as normalising
from processor.noise import noise
from processor.normalise import OLDEST_MS, normalise
from processor.stored import origins_of
from processor.text import as_text, whole
from processor.urls import read_url
from schema.delivery import Delivery, Kind
from schema.noise_files import packaged
from schema.report import SPELLINGS
from schema.sites import Site
from tests.corpus.captures import all_captures
from tests.support.reports import FIREFOX, PLAIN, RECEIVED_MS, entry, row

NUMBERS = st.sampled_from(
    [None, 0, 1, 12, -1, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**70, 1.0, 1.5, float("inf"), True, "7", "x", "", [], {},
     "9" * 30]
)  # fmt: skip
BY_SPELLING = [name for names in SPELLINGS.values() for name in names]


def test_a_plain_report_becomes_a_row():
    found = msgspec.structs.asdict(row(PLAIN))
    assert found.pop("fingerprint") == bytes.fromhex("bf0d68dc02cfcd0bb90344501bc7b7ea")
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
        "verdict": "consistent",
        "verdict_reason": "script-src",
        "trust": 100,
        "trust_reasons": "",
        "noise_version": packaged().version,
        "signature": "",
        "environment": "",
        "document_template": "https://www.shop.example/cart",
        "blocked_template": "https://cdn.example/a.js",
        "left_out": 0.0,
    }


def camel(name):
    first, *rest = name.replace("uri", "URL").split("-")
    return first + "".join(word if word == "URL" else word.title() for word in rest)


def said(violation):
    """Without what it is worth, which depends on the spelling."""
    return msgspec.structs.replace(violation, trust=100, trust_reasons="")


def test_every_spelling_gives_the_same_row():
    modern = {"sample" if name == "script-sample" else camel(name): value for name, value in PLAIN.items()}
    snake = {name.replace("-", "_"): value for name, value in PLAIN.items()}
    for other in (row(modern), row(snake), row(modern, legacy=False), row(PLAIN, legacy=False)):
        assert said(other) == row(PLAIN)


def test_of_two_spellings_the_envelopes_own_wins():
    both = PLAIN | {"documentURL": "https://other.example/", "blockedURL": "inline"}
    assert (row(both).document_host, row(both).blocked_kind) == ("www.shop.example", "url")
    assert (row(both, legacy=False).document_host, row(both, legacy=False).blocked_kind) == ("other.example", "inline")


def test_an_empty_value_gives_way_to_another_spelling():
    mixed = {"document-uri": "", "blocked-uri": None, "documentURL": "https://a.example/", "blockedURL": "eval"}
    assert said(row(mixed)) == said(row({"document-uri": "https://a.example/", "blocked-uri": "eval"}))


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


def test_named_query_parameters_stay_and_tell_pages_apart():
    kept = row(PLAIN, site=Site(keep_query=("id", "q")))
    assert (kept.document_url, kept.referrer) == (
        "https://www.shop.example/cart?id=7",
        "https://www.shop.example/?q=shoes",
    )
    assert kept.fingerprint != row(PLAIN).fingerprint


def test_repeats_that_differ_in_what_varies_are_the_same_violation():
    varied = PLAIN | {
        "document-uri": "https://user@www.shop.example:443/cart?id=8#top",
        "referrer": "https://elsewhere.example/",
        "script-sample": "alert(1)",
        "status-code": 304,
        "original-policy": "script-src 'nonce-1'",
    }
    assert row(varied, age=5000).fingerprint == row(PLAIN).fingerprint


@given(NUMBERS, NUMBERS, NUMBERS)
def test_numbers_are_read_together_as_each_by_itself(line, column, status):
    read = (whole(line, 2**32 - 1), whole(column, 2**32 - 1), whole(status, 2**16 - 1))
    assert normalising._numbers(line, column, status) == read


@given(st.lists(st.sampled_from(sorted(BY_SPELLING)), unique=True), st.data())
def test_texts_are_read_together_as_each_by_itself(names, data):
    body = {name: data.draw(NUMBERS | st.text(max_size=3)) for name in names}
    found = normalising._fields(entry(body))
    for field, value in zip(normalising._ORDER[:-3], found[:-3], strict=True):
        sent = [body[name] for name in SPELLINGS[field] if body.get(name) not in (None, "")]
        assert value == (as_text(sent[0]) if sent else "")


def test_what_follows_from_a_stored_row_is_what_followed_from_the_report():
    """It was told the origins then, and has to find them now."""
    for found in (found for capture in all_captures() for found in capture.violations()):
        assert noise(found, Site()) == (found.noise, found.noise_rule, found.noise_version)
        assert origins_of(found).document == read_url(found.document_url).origin


def test_long_pages_and_many_pages_are_not_remembered():
    before = normalising._page.cache_info().currsize
    row(PLAIN | {"document-uri": "https://www.shop.example/" + "x" * 1000})
    assert normalising._page.cache_info().currsize == before
    for number in range(5000):
        row({"document-uri": f"https://www.shop.example/{number}", "blocked-uri": "inline"})
    assert normalising._page.cache_info().currsize == 4096
