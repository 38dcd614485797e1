"""What is kept of raw reports: the browser's own names and nothing secret, bounded."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.redact import EXAMPLE_BYTES, REJECT_BYTES, redact_bytes, redact_raw
from schema.report import SPELLINGS, EntryKind, entries
from tests.corpus.captures import all_captures

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=50)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([name for names in SPELLINGS.values() for name in names]) | ANY_TEXT
SECRETS = ("SECRET", "token", "reftoken", "session", "a@b", "a%40b", "user:pw", "secret", "nonce-abc")


def test_an_example_keeps_the_browsers_names_and_loses_the_secrets():
    body = {
        "document-uri": "https://user:pw@shop.example/cart?token=SECRET#top",
        "referrer": "",
        "blocked-uri": "data:text/javascript,secret()",
        "violated-directive": "script-src https://user:pw@cdn.example/?token=1",
        "original-policy": "Script-Src 'nonce-abc123'; report-uri /csp?token=SECRET",
        "script-sample": "fetch('https://api.example/?token=SECRET')",
        "request": "GET http://shop.example/cart?token=SECRET HTTP/1.1",
        "request-headers": "Cookie: session=SECRET",
        "line-number": 3,
        "columnNumber": None,
    }
    assert json.loads(redact_raw(body)) == {
        "document-uri": "https://shop.example/cart",
        "referrer": "",
        "blocked-uri": "data",
        "violated-directive": "script-src https://cdn.example/",
        "original-policy": "Script-Src 'nonce-removed'; report-uri /csp",
        "script-sample": "fetch('https://api.example/')",
        "request": "GET http://shop.example/cart HTTP/1.1",
        "line-number": 3,
        "columnNumber": None,
    }


@pytest.mark.parametrize("name", ["violated-directive", "effective-directive", "effectiveDirective"])
def test_what_is_no_directive_loses_its_secrets_too(name):
    body = {name: "jane@mail.example xoxb9K2mQ7pL4vR8sT1wYzN5"}
    assert json.loads(redact_raw(body)) == {name: "{mail} {token}"}


def test_no_secret_of_any_capture_is_left_in_its_example():
    for capture in all_captures():
        for entry in entries(capture.body):
            if entry.kind is EntryKind.VIOLATION:
                example = redact_raw(entry.body)
                assert json.loads(example).keys() <= entry.body.keys()
                assert not [secret for secret in SECRETS if secret in example], capture.name


def test_a_huge_body_still_gives_a_bounded_example():
    names = [name for names in SPELLINGS.values() for name in names]
    example = redact_raw(dict.fromkeys(names, "\x01" * 100_000))
    assert len(example.encode()) <= EXAMPLE_BYTES
    assert json.loads(example).keys() == set(names)


@settings(deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=8))
def test_any_body_gives_an_example(body):
    example = redact_raw(body)
    assert len(example.encode()) <= EXAMPLE_BYTES
    assert json.loads(example).keys() <= body.keys()


@pytest.mark.parametrize(
    "raw, kept",
    [
        (rb'{"document-uri":"https://shop.example/p?token=SECRET","x":1}', '{"document-uri":"https://shop.example/p","x":1}'),
        (rb'{"u":"https:\/\/user\u003apw\u0040shop.example\/p\u003Ftoken=SECRET\u0026a=\"SECRET\"","x":1}',
         '{"u":"https://shop.example/p","x":1}'),
        (b"{\"original-policy\":\"script-src 'nonce-SECRET' \\u0027nonce-SECRET\\u0027\"",
         "{\"original-policy\":\"script-src 'nonce-removed' 'nonce-removed'\""),
        (b"email=a%40b.c&token=SECRET", "email=&token="),
        (b"to somebody@example.com", "to example.com"),
        (b"https://shop.example/#token=SECRET and more", "https://shop.example/ and more"),
        (b"https://shop.example/r%3Ftoken=SECRET", "https://shop.example/r"),
        (b"\xff\xfe\0plain", "\ufffd\ufffd\ufffdplain"),
        (b'[{"quotes":"\\u0022","slash":"\\u005c"}]', '[{"quotes":"\\u0022","slash":"\\u005c"}]'),
        (b"", ""),
    ],
)  # fmt: skip
def test_a_refused_body_loses_what_looks_like_a_secret(raw, kept):
    assert redact_bytes(raw) == kept


def test_a_password_cut_off_before_its_host_is_gone():
    assert redact_bytes(b'{"document-uri":"https://user:SECR') == '{"document-uri":"https://'


@settings(deadline=None)
@given(st.binary(max_size=3 * REJECT_BYTES) | st.text().map(str.encode))
def test_any_bytes_give_bounded_text(raw):
    kept = redact_bytes(raw)
    assert len(kept.encode()) <= REJECT_BYTES
    assert "\0" not in kept
    assert "?" not in kept


def test_of_an_example_as_much_is_read_as_can_be_kept_and_no_secret_stands_where_reading_ends():
    token = "aB3dE5gH7jK9mN2pQ4rS6tU8"
    names = [name for names in SPELLINGS.values() for name in names]
    for before in range(0, 300, 7):
        body = dict.fromkeys(names, "https://a.example/" + "x" * before + f"/{token}" * 1000)
        raw = redact_raw(body)
        assert len(raw) <= EXAMPLE_BYTES
        assert not any(token[:length] + '"' in raw for length in range(3, len(token)))
        assert token not in raw
