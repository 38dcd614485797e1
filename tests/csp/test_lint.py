"""Findings about policies."""

import pytest

from csp.lint import problems


@pytest.mark.parametrize(
    "text, where, words",
    [
        ("img-src *; img-src a", "img-src", "twice"),
        ("imgsrc *", "imgsrc", "no such directive"),
        ("img-src: *", "img-src:", "img-src was meant"),
        ("'img-src' *", "'img-src'", "img-src was meant"),
        ("script-src 'self' img-src *", "script-src", "img-src: this directive's name"),
        ("script-src 'none' a.b", "script-src", "'none' counts only alone"),
        ("script-src self", "script-src", "self: without quotes"),
        ("script-src none", "script-src", "none: without quotes"),
        ("script-src Unsafe-Inline", "script-src", "without quotes"),
        ("script-src nonce-abc", "script-src", "without quotes"),
        ("script-src sha256-abc", "script-src", "without quotes"),
        ("script-src 'unsafe-inline' 'nonce-a'", "script-src", "ignored because of the nonce"),
        ("script-src 'unsafe-inline' 'sha256-a'", "script-src", "ignored because of the nonce or hash"),
        ("script-src 'unsafe-inline' 'strict-dynamic'", "script-src", "because of the 'strict-dynamic'"),
        ("default-src 'unsafe-inline' 'strict-dynamic'", "default-src", "ignored for scripts"),
        ("script-src 'strict-dynamic' https: 'nonce-a'", "script-src", "ignore hosts"),
        ("script-src 'strict-dynamic'", "script-src", "no first script"),
        ("img-src a_b.c", "img-src", "a_b.c: no source expression"),
        ("img-src https://", "img-src", "no source expression"),
        ("img-src a.b/c?d", "img-src", "the query or fragment is ignored"),
        ("script-src 'nonce-{x}'", "script-src", "not a nonce"),
        ("script-src 'nonce-'", "script-src", "not a nonce"),
        ("script-src 'sha256-'", "script-src", "not a hash"),
        ("script-src 'sha1-abc'", "script-src", "not a hash"),
        ("script-src 'unsafe-inlin'", "script-src", "no such keyword"),
        ("script-src 'self", "script-src", "no such keyword"),
        ("img-src ü.de", "img-src", "outside ASCII"),
        ("plugin-types a/b", "plugin-types", "taken out"),
        ("img-src", "img-src", "same as 'none'"),
        ("", "policy", "no directive"),
        ("img-src *,", "policy", "nothing stands on its other side"),
        ("img-src *, font-src *", "policy", "2 policies"),
        ("img-src *; report-uri /x", "report-uri", "keep both"),
        ("img-src *; report-to x", "report-to", "keep both"),
        ("img-src *; report-to x y", "report-to", "one endpoint"),
        ("img-src *; report-uri", "report-uri", "no place"),
        ("upgrade-insecure-requests 1", "upgrade-insecure-requests", "no value"),
    ],
)
def test_what_is_odd_is_said(text, where, words):
    assert any(found.where == where and words in found.what for found in problems(text)), problems(text)


@pytest.mark.parametrize(
    "text",
    [
        "default-src 'none'",
        "default-src 'self' https: *.a.b:* http://a.b:80/c/ data: *",
        "script-src 'nonce-abc' 'strict-dynamic' 'report-sample' 'unsafe-hashes'; object-src 'none'; base-uri 'none'",
        "script-src 'self' 'wasm-unsafe-eval' 'trusted-types-eval' 'inline-speculation-rules'",
        "frame-ancestors 'self'; report-uri /x; report-to y",
        "style-src 'unsafe-inline' 'self'",
        "style-src 'unsafe-inline' 'strict-dynamic'",
        "sandbox allow-scripts; upgrade-insecure-requests; webrtc 'block'",
        "require-trusted-types-for 'script'; trusted-types a b#c 'allow-duplicates'",
    ],
)
def test_what_is_right_is_left_alone(text):
    assert problems(text) == []


def test_a_finding_stays_short():
    assert all(len(what) < 300 and len(where) < 100 for where, what in problems("x" * 9999 + "; img-src " + "_" * 9999))
