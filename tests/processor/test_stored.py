"""What is stored says as much as the report did: a row judged again gets the label it got when it came in."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.exported import exported
from processor.noise import noise
from processor.normalise import normalise
from processor.schemes import KINDS
from processor.stored import Place, place
from processor.urls import read_blocked, read_url
from schema.delivery import Delivery, Kind
from schema.report import Entry, EntryKind
from schema.sites import Site
from tests.corpus.captures import all_captures


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("", Place()),
        ("chrome-extension", Place("chrome-extension", "chrome-extension")),
        ("chrome-extension://abc/x.js", Place("chrome-extension", "abc", "/x.js")),
        ("https://a.example:8443/x?page=2", Place("https", "a.example", "/x?page=2")),
        ("https://[::1]:80/x", Place("https", "::1", "/x")),
        ("https://a.example", Place("https", "a.example")),
        ("//a.example/x", Place("", "a.example", "/x")),
        ("a.example:81/x", Place("", "a.example", "/x")),
        ("nikkomsgchannel", Place("nikkomsgchannel", "nikkomsgchannel")),
        ("blob:https://a.example", Place("blob", "a.example")),
        ("view-source:https://a.example/x", Place("view-source", "a.example", "/x")),
        ("file:///C:/x.html", Place("file", "", "/C:/x.html")),
        ("about:blank", Place("about", "about")),
        ("free text about http://a.example/", Place()),
    ],
)
def test_a_stored_url_is_taken_apart(text: str, wanted: Place):
    assert place(text) == wanted


def test_every_captured_report_gets_the_same_label_from_its_stored_row():
    judged = 0
    for site in (Site(), Site(hosts=("localhost", "*.localhost", "127.0.0.1"))):
        for capture in all_captures():
            for row in capture.violations(site):
                fields = {**msgspec.structs.asdict(row), "noise": "", "noise_rule": "", "noise_version": ""}
                label = noise(type(row)(**fields), site)
                assert label == (row.noise, row.noise_rule, row.noise_version)
                judged += 1
    assert judged > 4000


# Schemes and hosts where browsers, and people who make reports up, put them.
_WORDS = st.sampled_from(
    [*KINDS, "myscheme", "kaspersky-labs.com", "a.example", "127.0.0.1", "[::1]", "localhost", "C:"]
)
_SEPARATORS = st.sampled_from(["", ":", "://", "/", "//", ":2:3", "?", "#", " ", "@", "\\", "."])
_TEXTS = st.lists(_WORDS | _SEPARATORS | st.text(max_size=5), max_size=6).map("".join)


@given(_TEXTS)
def test_the_scheme_and_host_that_were_read_are_those_of_the_stored_text(text: str):
    """Of what has a kind of its own. Free text may look like a URL once it is cleaned, and is judged by that."""
    for url in (read_url(text), read_blocked(text)):
        found = place(url.text)
        if url.kind not in {"other", "empty"} and url.scheme in KINDS:
            assert found.scheme == url.scheme
        if url.host:
            assert found.host == url.host


@given(_TEXTS, _TEXTS, _TEXTS)
def test_whatever_a_report_says_its_row_gets_the_same_label_again(document: str, blocked: str, source: str):
    body = {"document-uri": document, "blocked-uri": blocked, "source-file": source, "effective-directive": "img-src"}
    delivery = Delivery(1_700_000_000_000, "shop", Kind.REPORTS, 1, b"", b"")
    row = normalise(Entry(EntryKind.VIOLATION, "csp-violation", body, legacy=True), delivery, Site())
    assert noise(row, Site()) == (row.noise, row.noise_rule, row.noise_version)
    if row.blocked_kind in {"extension", "browser"}:
        assert row.noise == row.blocked_kind or row.noise == "extension"


def test_a_row_of_an_export_is_judged_as_the_row_itself():
    rows = [row for capture in all_captures()[::40] for row in capture.violations()]
    for row in rows:
        said = {**msgspec.structs.asdict(row), "fingerprint": row.fingerprint.hex()}
        said |= dict.fromkeys(("window", "first_seen", "last_seen"), "2026-11-01T00:00:00Z")
        assert noise(exported(msgspec.json.encode(said)), Site()) == noise(row, Site())
