"""A report is judged by the policy it carries: what it blocks, what it can't have blocked, what nobody can tell."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor import verdict
from schema.verdicts import REASONS, VERDICTS
from tests.corpus.captures import all_captures
from tests.support.reports import judged, row

SHOP = "https://shop.example/cart"


@pytest.mark.parametrize(
    "policy, directive, blocked, reason",
    [
        ("img-src 'self'", "img-src", "https://evil.example/x.png", "img-src"),
        ("default-src 'self'", "img-src", "https://evil.example/x.png", "default-src"),
        ("img-src https://cdn.example/a/", "img-src", "https://cdn.example/b/x.png", "img-src"),
        ("img-src https:", "img-src", "data", "img-src"),
        ("img-src *", "img-src", "blob", "img-src"),
        ("default-src 'self'", "script-src-elem", "chrome-extension", "default-src"),
        ("default-src 'self'", "script-src-elem", "chrome-extension://abc/x.js", "default-src"),
        ("connect-src 'self'", "connect-src", "myscheme", "connect-src"),
        ("script-src 'self'", "script-src-elem", "inline", "script-src"),
        ("script-src 'nonce-abc' 'strict-dynamic'", "script-src-elem", "inline", "script-src"),
        ("script-src 'unsafe-inline' 'nonce-abc'", "script-src-elem", "inline", "script-src"),
        ("style-src 'self'; script-src 'self'", "style-src-attr", "inline", "style-src"),
        ("script-src 'self'", "script-src", "eval", "script-src"),
        ("default-src 'unsafe-inline'", "script-src", "wasm-eval", "default-src"),
        ("script-src 'self'", "script-src", "self", "script-src"),
        ("frame-ancestors 'none'", "frame-ancestors", "", "frame-ancestors"),
        ("frame-ancestors 'none'", "frame-ancestors", SHOP, "frame-ancestors"),
        ("frame-ancestors 'self'", "frame-ancestors", "https://evil.example/", "frame-ancestors"),
        ("base-uri 'none'", "base-uri", "https://shop.example/", "base-uri"),
        ("form-action 'self'", "form-action", "https://evil.example/?card=1", "form-action"),
        ("require-trusted-types-for 'script'", "require-trusted-types-for", "trusted-types-sink",
         "require-trusted-types-for"),
        ("trusted-types one", "trusted-types", "trusted-types-policy", "trusted-types"),
        ("plugin-types x/y", "plugin-types", "https://a.example/x.swf", "plugin-types"),
        # Whatever the origin that the path was removed from, it is not the one that is allowed.
        ("img-src https://cdn.example/a", "img-src", "https://evil.example", "img-src"),
        # Nothing is listed, so it doesn't matter which document this was.
        ("img-src 'none'", "img-src", "", "img-src"),
    ],
)  # fmt: skip
def test_what_the_policy_blocks_is_consistent(policy, directive, blocked, reason):
    assert judged(policy, directive, blocked) == ("consistent", reason)


@pytest.mark.parametrize(
    "policy, directive, blocked, reason",
    [
        ("style-src 'self'", "img-src", "https://evil.example/x.png", "no-directive"),
        ("default-src 'self'", "form-action", "https://evil.example/", "no-directive"),
        ("default-src 'self'", "trusted-types", "trusted-types-policy", "no-directive"),
        ("img-src 'self'", "script-src", "eval", "no-directive"),
        ("img-src https://cdn.example", "img-src", "https://cdn.example/x.png", "allowed"),
        ("img-src 'self'", "img-src", "https://shop.example/x.png", "allowed"),
        ("script-src https://cdn.example", "script-src-elem", "https://cdn.example/app.js", "allowed"),
        ("img-src data:", "img-src", "data", "allowed"),
        ("script-src 'unsafe-inline'", "script-src-elem", "inline", "allowed"),
        ("script-src 'unsafe-eval'", "script-src", "eval", "allowed"),
        ("script-src 'wasm-unsafe-eval'", "script-src", "wasm-eval", "allowed"),
        ("default-src * 'unsafe-inline' 'unsafe-eval'", "script-src", "self", "allowed"),
        # Wherever it redirects to, this is allowed.
        ("img-src *", "img-src", "https://anything.example/go?to=1", "allowed"),
        ("base-uri 'self'", "base-uri", "https://shop.example/go?to=1", "allowed"),
        ("frame-src https://ok.example", "frame-src", "https://ok.example", "allowed"),
        ("frame-ancestors https://ok.example", "frame-ancestors", "https://ok.example/", "allowed"),
        ("default-src 'none'", "img-src", "inline", "misfit"),
        ("default-src 'none'", "style-src-elem", "eval", "misfit"),
    ],
)
def test_what_the_policy_allows_or_does_not_govern_is_impossible(policy, directive, blocked, reason):
    assert judged(policy, directive, blocked) == ("impossible", reason)


@pytest.mark.parametrize(
    "policy, directive, blocked, reason",
    [
        ("", "img-src", "https://evil.example/x.png", "no-policy"),
        ("img-src 'self'; " + "x" * 70_000, "img-src", "https://evil.example/x.png", "truncated"),
        ("img-src 'self'" + " a.example" * 2001, "img-src", "https://evil.example/x.png", "truncated"),
        ("img-src 'self'" + ", img-src *" * 1001, "img-src", "https://evil.example/x.png", "truncated"),
        ("img-src 'self'", "made-up", "https://evil.example/x.png", "directive-unknown"),
        ("img-src 'self'", "img-src", "", "not-named"),
        ("frame-ancestors 'self'", "frame-ancestors", SHOP, "not-named"),
        ("img-src 'self'", "img-src", "no url at all", "unreadable"),
        ("img-src 'self'", "img-src", "null", "unreadable"),
        ("img-src 'self'", "img-src", "https://shop.example/blobs/redirect/9/a.png", "redirect"),
        ("img-src https://cdn.example", "img-src", "cdn.example", "scheme-unknown"),
        ("img-src https://cdn.example/a/", "img-src", "https://cdn.example", "path-removed"),
        ("img-src https://cdn.example", "img-src", "https://cdn.example", "redirect"),
        ("img-src https://cdn.example", "img-src", "https://cdn.example/go?to=https://x.example/", "redirect"),
        ("connect-src 'self'", "connect-src", "https://shop.example/api/cart", "redirect"),
        ("script-src 'nonce-a' 'strict-dynamic'", "script-src-elem", "https://evil.example/x.js", "strict-dynamic"),
        ("script-src 'unsafe-inline'", "script-src", "self", "inline-or-eval"),
        ("trusted-types one", "trusted-types", "trusted-types-policy", "duplicate-name"),
    ],
)
def test_what_the_report_leaves_open_is_undecidable(policy, directive, blocked, reason):
    sample = "one" if reason == "duplicate-name" else ""
    assert judged(policy, directive, blocked, sample=sample) == ("undecidable", reason)


@pytest.mark.parametrize("document", ["about", "about:srcdoc", "data", "blob", ""])
def test_a_document_without_an_origin_leaves_self_open(document):
    """It may have inherited its policy from any page."""
    assert judged("img-src 'self'", "img-src", "https://a.example/x.png", document) == (
        "undecidable", "document-unknown",
    )  # fmt: skip
    assert judged("img-src 'none'", "img-src", "https://a.example/x.png", document) == ("consistent", "img-src")
    assert judged("script-src 'self'", "script-src-elem", "inline", document) == ("consistent", "script-src")


def test_an_inline_script_whose_hash_is_listed_was_not_blocked():
    policy = "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"  # of alert(1)
    assert judged(policy, "script-src-elem", "inline", sample="alert(1)") == ("impossible", "allowed")
    assert judged(policy, "script-src-elem", "inline", sample="alert(2)") == ("consistent", "script-src")
    assert judged(policy, "script-src-attr", "inline", sample="alert(1)") == ("consistent", "script-src")


def test_no_real_browser_reported_the_impossible():
    rows = [row for capture in all_captures() for row in capture.violations()]
    assert {row.verdict for row in rows} == {"consistent", "undecidable"}
    shares = sum(row.verdict == "consistent" for row in rows if row.original_policy) / len(rows)
    assert shares > 0.75  # a fifth carries no policy


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_a_report_says_it_is_judged(policy, directive, blocked, document):
    found = judged(policy, directive, blocked, document)
    assert found.verdict in VERDICTS
    assert found.verdict == "consistent" or found.reason in REASONS


def test_an_upgrade_counts_only_in_a_policy_that_is_enforced():
    """Browsers ignore `upgrade-insecure-requests` in a report-only one, so they report what it would have upgraded."""
    policy = "default-src https:; upgrade-insecure-requests"
    for said, expected in (
        ("report", ("consistent", "default-src")),
        ("enforce", ("impossible", "allowed")),
        ("", ("undecidable", "disposition-unknown")),
    ):
        found = row(
            {
                "document-uri": SHOP,
                "effective-directive": "img-src",
                "blocked-uri": "http://cdn.example/a.png",
                "original-policy": policy,
                "disposition": said,
            }
        )
        assert (found.verdict, found.verdict_reason) == expected


def test_a_path_that_is_named_like_the_upgrade_is_none():
    found = row(
        {
            "document-uri": SHOP,
            "effective-directive": "img-src",
            "blocked-uri": "http://cdn.example/upgrade-insecure-requests/a.png",
            "original-policy": "img-src http://cdn.example/upgrade-insecure-requests/",
            "disposition": "report",
        }
    )
    assert (found.verdict, found.verdict_reason) == ("impossible", "allowed")


def test_two_secrets_that_were_taken_out_of_paths_are_not_taken_for_the_same():
    policy = f"img-src https://gist.example/u/{'0123456789abcdef' * 2}/"
    blocked = f"https://gist.example/u/{'fedcba9876543210' * 2}/x.png"
    assert judged(policy, "img-src", blocked) == ("undecidable", "path-removed")


def test_a_url_that_was_too_long_to_keep_is_truncated_and_a_shorter_one_is_not():
    policy = "img-src https://cdn.example/a/"
    assert judged(policy, "img-src", "https://cdn.example/b/" + "x" * 10_000) == ("consistent", "img-src")
    assert judged(policy, "img-src", "https://cdn.example/b/" + "x" * 17_000) == ("undecidable", "truncated")


def test_many_sources_and_a_long_path_are_judged_in_no_time():
    """Six seconds, when the path was taken apart for each source."""
    policy = "img-src" + " x.co/a" * 9300
    started = time.thread_time()
    judged(policy, "img-src", "https://x.co" + "/" * 16_000)
    assert time.thread_time() - started < 3


SOURCES = st.lists(
    st.sampled_from(
        ["'self'", "*", "https:", "http:", "evil.example", "*.evil.example", "https://cdn.evil.example:8443", "example",
         "t1.Evil.example", "127.0.0.1", "*.example", "stranger.invalid", "*.invalid", "'none'", "'strict-dynamic'",
         "https://other.test/path/", "http://other.test:*", "*:8443", "'nonce-removed'", "10.0.0.1"]
    ),
    max_size=4,
)  # fmt: skip
HOSTS = st.sampled_from(
    ["evil.example", "t1.evil.example", "cdn.evil.example", "other.test", "example", "shop.example", "www.shop.example",
     "stranger.invalid", "a.invalid", "10.0.0.1", "127.0.0.1", "a_b.test", "xn--bcher-kva.test"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    SOURCES, SOURCES, HOSTS, st.sampled_from(["https", "http", "wss"]), st.sampled_from(["", ":8443"]),
    st.sampled_from(["", "/", "/path/x.js", "/{token}/x"]), st.sampled_from(["enforce", "report", ""]),
    st.sampled_from(["img-src", "script-src-elem", "connect-src", "frame-src", "frame-ancestors", "form-action"]),
)  # fmt: skip
def test_hosts_a_policy_does_not_name_are_judged_like_each_other(
    sources, defaults, host, scheme, port, path, disposition, directive
):
    policy = f"default-src {' '.join(defaults)}; {directive.removesuffix('-elem')} {' '.join(sources)}"
    blocked = f"{scheme}://{host}{port}{path}"
    body = {
        "document-uri": "https://shop.example/x", "blocked-uri": blocked, "effective-directive": directive,
        "original-policy": policy, "disposition": disposition,
    }  # fmt: skip
    found = row(body)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(verdict, "_asked_about", lambda url, *_: url)
        assert (found.verdict, found.verdict_reason) == verdict.verdict(found, policy, blocked)
