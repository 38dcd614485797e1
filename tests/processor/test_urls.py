"""URLs as they are stored: the kinds, the one spelling, and what is taken out."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processor.schemes import KEYWORDS, KINDS
from processor.urls import URL_BYTES, read_blocked, read_url

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
PIECES = """
    http https HTTPS blob filesystem view-source data about x-app chrome-extension : // / \\ @ ? # [ ] %3A % . :80 :443
    a B.example bücher.de ::1 127.0.0.1 user:pw = & token
"""
URLISH = st.lists(st.sampled_from([*PIECES.split(), " ", "\n", "\0", "\ud800"]), max_size=14).map("".join)


@pytest.mark.parametrize(
    "sent, kind, stored",
    [
        ("inline", "inline", "inline"),
        (" Inline ", "inline", "inline"),
        ("EVAL", "eval", "eval"),
        ("wasm-eval", "wasm-eval", "wasm-eval"),
        ("trusted-types-policy", "trusted-types", "trusted-types-policy"),
        ("trusted-types-sink", "trusted-types", "trusted-types-sink"),
        ("self", "self", "self"),
        ("'self'", "self", "self"),
        ("", "empty", ""),
        (" \n", "empty", ""),
        ("data", "data", "data"),
        ("data:image/png;base64,c2VjcmV0", "data", "data"),
        ("blob", "blob", "blob"),
        ("blob:null/0b6c", "blob", "blob"),
        ("filesystem", "filesystem", "filesystem"),
        ("about", "about", "about"),
        ("about:srcdoc", "about", "about:srcdoc"),
        ("about:blank?x#y", "about", "about:blank"),
        ("chrome-extension", "extension", "chrome-extension"),
        ("moz-extension://4f6a/inject.js?x", "extension", "moz-extension://4f6a/inject.js"),
        ("chrome-extension:2:248774", "extension", "chrome-extension"),
        ("safari-web-extension", "extension", "safari-web-extension"),
        ("webkit-masked-url://hidden/", "extension", "webkit-masked-url://hidden/"),
        ("mxaddon-pkg", "extension", "mxaddon-pkg"),
        ("resource", "browser", "resource"),
        ("chrome://global/content/x.js", "browser", "chrome://global/content/x.js"),
        ("android-webview-video-poster", "browser", "android-webview-video-poster"),
        ("null", "other", "null"),
        ("INVALID", "other", "INVALID"),
        ("myscheme", "other", "myscheme"),
        ("some free text", "other", "some free text"),
        ("<script>alert(1)</script>", "other", "<script>alert(1)</script>"),
        ("'; DROP TABLE violations; --", "other", "'; DROP TABLE violations; --"),
        ("https://cdn.example/a.js", "url", "https://cdn.example/a.js"),
        ("wss://chat.example/socket", "url", "wss://chat.example/socket"),
        ("myscheme://place/path", "url", "myscheme://place/path"),
        ("//cdn.example/a.js?v=1", "url", "//cdn.example/a.js"),
        ("cdn.example.com", "url", "cdn.example.com"),
        ("www.shop.example/a?b", "url", "www.shop.example/a"),
        ("203.0.113.7", "url", "203.0.113.7"),
        ("app.main.js", "other", "app.main.js"),
        ("localhost:8080/x", "url", "localhost:8080/x"),
    ],
)
def test_a_blocked_url_has_a_kind(sent, kind, stored):
    assert read_blocked(sent)[:2] == (kind, stored)


@pytest.mark.parametrize("quoted", ["'unsafe-inline'", "unsafe-eval"])
def test_a_source_expression_is_not_taken_for_inline_or_eval(quoted):
    assert read_blocked(quoted).kind == "other"


@pytest.mark.parametrize(
    "sent, stored, host",
    [
        ("HTTPS://WWW.Example.COM/Path", "https://www.example.com/Path", "www.example.com"),
        ("https://example.com.:443/", "https://example.com/", "example.com"),
        ("http://example.com:080/", "http://example.com/", "example.com"),
        ("http://example.com:443/", "http://example.com:443/", "example.com"),
        ("http://example.com:99999/", "http://example.com/", "example.com"),
        ("http://[::1]:18999/x.png", "http://[::1]:18999/x.png", "::1"),
        ("https://[2001:DB8:0:0::1]/", "https://[2001:db8::1]/", "2001:db8::1"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("https://user:password@example.com/", "https://example.com/", "example.com"),
        ("https://a@b:c@example.com/", "https://example.com/", "example.com"),
        ("http:\\\\user:pw@example.com\\x", "http://example.com\\x", "example.com"),
        ("https://example.com", "https://example.com", "example.com"),
        ("https://example.com?token=1", "https://example.com", "example.com"),
        ("https://example.com/a?b#c?d", "https://example.com/a", "example.com"),
        ("https://exam\tple.com/a b\n.js", "https://example.com/ab.js", "example.com"),
        ("https://example.com/npm/@scope/a.js", "https://example.com/npm/@scope/a.js", "example.com"),
    ],
)
def test_a_network_url_has_one_spelling(sent, stored, host):
    url = read_url(sent)
    assert (url.kind, url.text, url.host) == ("url", stored, host)


def test_a_blob_keeps_the_origin_and_loses_its_random_name():
    safari = read_url("blob:https%3A//www.browserstack.com/3e69ec9e-3531-4b4c-9dac-0379ad44036c")
    assert safari.text == "blob:https://www.browserstack.com"
    assert safari == read_url("blob:https://www.browserstack.com/another")


def test_a_filesystem_url_keeps_its_path():
    assert (
        read_url("filesystem:http://127.0.0.1:4000/media/x.jpg?y").text
        == "filesystem:http://127.0.0.1:4000/media/x.jpg"
    )


def test_a_document_inside_a_blob_has_that_origins_host():
    assert read_url("blob:https://shop.example/0b6c").host == "shop.example"


@pytest.mark.parametrize("sent", ["mailto:somebody@example.com?subject=x", "javascript:steal('secret')", "tel:0123"])
def test_of_an_opaque_url_only_the_scheme_is_kept(sent):
    assert read_url(sent)[:2] == ("other", sent.partition(":")[0])


@pytest.mark.parametrize(
    "sent, stored",
    [
        ("Refused: https://user:pw@host.example/p?token=1 is bad", "Refused: https://host.example/p is bad"),
        ("/relative/path.js?session=abc#x", "/relative/path.js"),
        ("page?token=abc somebody@example.com", "page example.com"),
        ("http://<b>?secret", "http://<b>"),
    ],
)
def test_odd_strings_lose_what_looks_like_a_secret(sent, stored):
    assert read_url(sent)[:2] == ("other", stored)


def test_named_query_parameters_stay_in_their_order():
    url = "https://u:p@example.com/watch?token=1&v=abc&list=x&v=d#t"
    assert read_url(url, ("list", "v")).text == "https://example.com/watch?v=abc&list=x&v=d"
    assert read_url(url, ("nothing",)).text == "https://example.com/watch"


def test_a_url_is_cut_between_characters():
    stored = read_url("https://example.com/" + "ü" * URL_BYTES).text
    assert URL_BYTES - 1 <= len(stored.encode()) <= URL_BYTES


def test_a_password_is_gone_even_where_the_url_is_cut_inside_it():
    assert "x" * 100 not in read_url("https://user:" + "x" * 100_000 + "@example.com/").text


@settings(deadline=None)
@given(ANY_TEXT | URLISH)
@example("https://[")
@example("http://[::1")
@example("//@")
@example("blob:http:")
def test_any_text_is_read(text):
    url = read_blocked(text)
    assert url.kind in {*KINDS.values(), *KEYWORDS.values(), "empty", "other", "url"}
    assert len(url.text.encode()) <= URL_BYTES
    assert not re.search(r"[\0\n\r\t?#]", url.text)
    assert url.text or url.kind in {"empty", "other"}
    if url.kind == "url" and "//" in url.text:
        assert "@" not in re.split(r"[/\\]", url.text.partition("//")[2])[0]


@settings(deadline=None)
@given(ANY_TEXT | URLISH)
def test_a_stored_url_reads_as_itself(text):
    once = read_url(text)
    assert once.kind == "other" or read_url(once.text)[:3] == once[:3]
