"""Situations that the browsers' own test suites try, in our words: what Chromium and Firefox expect holds here."""

import pytest

from csp.policy import parse
from tests.csp.asking import allows, loads, words

BLOCKED = "https://blocked.test/"


@pytest.mark.parametrize(
    "policy, nonces",
    [
        ("script-src 'self'", ""),
        ("script-src 'nonce-yay'", "yay"),
        ("script-src 'nonce-yay' 'nonce-boo'", "yay boo"),
        ("default-src 'nonce-yay'", "yay"),
        ("default-src 'nonce-boo'; script-src 'nonce-yay'", "yay"),
        ("style-src 'nonce-yay'; default-src 'none'", ""),
        ("script-src-attr 'nonce-yay'; default-src 'none'", ""),
        ("script-src-elem 'nonce-yay'; script-src 'nonce-boo'; default-src 'nonce-boo'", "yay"),
        ("script-src-attr 'nonce-yay'; script-src 'nonce-boo'; default-src 'nonce-foo'", "boo"),
    ],
)
def test_chromium_nonces_of_scripts(policy, nonces):
    for nonce in words("yay boo foo"):
        given = {"url": BLOCKED, "nonce": nonce, "parser_inserted": True}
        assert allows(policy, "script-src-elem", **given) is (nonce in words(nonces))


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("worker-src 'none'", False),
        ("worker-src https://example.test", True),
        ("default-src *; worker-src 'none'", False),
        ("script-src *; worker-src http://not.example.test", False),
        ("default-src *; script-src *; worker-src https://example.test", True),
        ("script-src 'none'", False),
        ("default-src *; script-src http://not.example.test", False),
        ("default-src *; script-src https://example.test", True),
        ("default-src http://not.example.test", False),
        ("child-src https://example.test; script-src https://not-example.test", True),
        ("child-src https://not-example.test; script-src https://example.test", False),
        ("worker-src https://example.test; child-src https://not-example.test", True),
        ("worker-src https://not-example.test; child-src https://example.test", False),
    ],
)
def test_chromium_workers(policy, expected):
    assert allows(policy, "worker-src", url="https://example.test/worker.js") is expected


@pytest.mark.parametrize(
    "sources, good, bad",
    [
        (
            "http://example1.com:8000/foo/ https://example2.com/",
            "http://example1.com:8000/foo/ http://example1.com:8000/foo/bar https://example2.com/foo/",
            "https://not-example.com/ http://example1.com/ https://example1.com/foo http://example1.com:9000/foo/ "
            "http://example1.com:8000/FOO/ http://example2.com/",
        ),
        (
            "http://example1.com:*/foo/ https://*.example2.com/bar/ http://*.test/",
            "http://example1.com/foo/ http://example1.com:9000/foo/ https://foo.example2.com/bar/ http://foo.test/ "
            "http://foo.bar.test/ https://example1.com/foo/ https://example1.com:8000/foo/ https://foo.bar.test/",
            "https://example1.com:8000/foo https://example2.com:8000/bar https://foo.example2.com:8000/bar "
            "https://example2.foo.com/bar http://foo.test.bar/ https://example2.com/bar/ http://test/",
        ),
        ("https://example.com/script/", "https://example.com/script/a.js", "https://example.com/script.js"),
        ("https://example.com/script", "https://example.com/script", "https://example.com/script/a.js"),
        ("https://*.example.com", "https://not.example.com/a.js", "https://example.com/a.js"),
    ],
)
def test_chromium_source_lists(sources, good, bad):
    assert all(loads(sources, url) for url in words(good))
    assert not any(loads(sources, url) for url in words(bad))


@pytest.mark.parametrize(
    "sources",
    words("'none' 'sha256-abcdefg' 'nonce-abc' *://example.test 'strict-dynamic' 'self'abc' *. a.*.a .b.c a..c +"),
)
def test_chromium_lists_that_match_no_url(sources):
    assert not loads(sources, "https://example.test/page.html")


@pytest.mark.parametrize(
    "sources, good",
    [
        ("'self'", "http://www.selfuri.com/a"),
        ("example.com *.other.com", "http://example.com https://example.com http://a.other.com"),
        ("http://www.example.com#foo", "http://www.example.com/x"),
        ("http://www.example.com:8888?foo", "http://www.example.com:8888/"),
        ("http://www.example.com/path-1/file.js?foo#bar", "http://www.example.com/path-1/file.js"),
        ("http://www.example.com/foo%3Bsessionid=12%2C34", "http://www.example.com/foo;sessionid=12,34"),
        ("http://test.com/pathIncludingAz19-._~!$&'()*+=:@", "http://test.com/pathIncludingAz19-._~!$&'()*+=:@"),
        ("http://www.example.com/path-1//path_2", "http://www.example.com/path-1//path_2"),
        ("*:80", "http://a.b https://a.b"),
        ("127.0.0.1:*", "http://127.0.0.1:88/"),
        ("foo/bar/report.py", "http://foo/bar/report.py"),
        ("HTTP", "http://http/"),
        ("policy-uri", "http://policy-uri/"),
        ("* https://bar.com 'none'", "http://any.where/"),
        ("https://a.b/abc////////////def/", "https://a.b/abc////////////def/x"),
    ],
)
def test_firefox_policies_that_hold(sources, good):
    assert all(loads(sources, url, "http://www.selfuri.com/") for url in words(good))


@pytest.mark.parametrize(
    "text, names",
    [
        ("script-sr 'self", ["script-sr"]),
        ("; ; ; ; ; ; ;", []),
        ("default-src: aaa", ["default-src:"]),
        ("script-src 'self'; SCRIPT-SRC http://www.example.com", ["script-src"]),
        ("   ;   default-src abc", ["default-src"]),
        ("sanDBox alloW-foRMs", ["sandbox"]),
        ("worker-src a; frame-src b; child-src c", ["worker-src", "frame-src", "child-src"]),
    ],
)
def test_firefox_parser(text, names):
    assert [directive.name for directive in parse(text).directives] == names


def test_firefox_any_beginning_of_a_policy_is_read():
    text = "default-src http://www.sub1.sub2.example.com:88/path1/path2/ 'unsafe-inline' 'none'"
    for length in range(len(text)):
        begun = text[:length]
        free = length < len("default-src") or begun.endswith(" http:")
        assert allows(begun, "img-src", url="https://a.b") is free


def test_web_platform_white_space_and_case():
    for white in "\t\n\f\r ":
        assert not allows(f"img-src{white}'none'", "img-src", url=BLOCKED)
    for other in "\v\xa0\u2003\u3000\ufeff":
        assert allows(f"img-src{other}'none'", "img-src", url=BLOCKED)
        assert allows(f"img-src 'none'{other}", "img-src", url=BLOCKED) is (other != "\v")
