"""URL against source list, CSP3 §6.7.2.7 to §6.7.2.12, and where engines decide otherwise (docs/matching.md)."""

import pytest

from csp.sources import host_source
from tests.csp.asking import ask, loads, words

HTTP, HTTPS = "http://example.test/", "https://example.test/"

# source, document, what it matches, what it doesn't
SCHEMES = [
    ("http:", HTTPS, "http://a.b https://a.b https://a.b:80 http://a.b:8080", "ws://a.b wss://a.b ftp://a.b data:,"),
    ("https:", HTTP, "https://a.b https://a.b:81 HTTPS://A.B", "http://a.b wss://a.b"),
    ("HTTPS:", HTTP, "https://a.b", "http://a.b"),
    ("ws:", HTTPS, "ws://a.b wss://a.b http://a.b https://a.b", "ftp://a.b"),
    ("wss:", HTTPS, "wss://a.b https://a.b", "ws://a.b http://a.b"),
    ("ftp:", HTTPS, "ftp://a.b", "http://a.b"),
    ("data:", HTTPS, "data:text/html,hello", "https://a.b blob:https://a.b/1"),
    ("blob:", HTTPS, "blob:https://example.test/1", HTTPS),
    ("filesystem:", HTTPS, "filesystem:https://example.test/temporary/1", HTTPS),
    ("javascript:", HTTPS, "javascript:alert(1)", HTTPS),
    ("a1+-.:", HTTPS, "a1+-.:x a1+-.://b/c", "a1:x"),
    ("file:", HTTPS, "file:///etc/hosts", "https://a.b"),
    # without a scheme: the document's, with upgrades only
    ("a.b", HTTP, "http://a.b https://a.b", "ws://a.b wss://a.b ftp://a.b"),
    ("a.b", HTTPS, "https://a.b", "http://a.b wss://a.b"),
    ("a.b", "ftp://example.test/", "ftp://a.b", "http://a.b https://a.b"),
    ("a.b", "data:text/html,x", "", "http://a.b https://a.b data:text/html,x"),
    ("a.b", "about:srcdoc", "", "http://a.b https://a.b"),
    ("a.b", "null", "", "http://a.b https://a.b"),
    ("a.b", "custom://a.b/", "", "http://a.b https://a.b custom://a.b"),
    ("a.b", "file:///x", "", "http://a.b https://a.b file:///x"),
    ("a.b", "blob:https://example.test/1", "https://a.b", "http://a.b"),
    ("custom://a.b", HTTPS, "custom://a.b/x", "custom://c.b/ https://a.b"),
    ("ws://a.b", HTTPS, "ws://a.b wss://a.b http://a.b https://a.b", "ws://c.b"),
    ("wss://a.b", HTTPS, "wss://a.b https://a.b", "ws://a.b http://a.b"),
]
STARS = [
    (
        "*",
        HTTPS,
        "http://a.b https://a.b ws://a.b wss://a.b https://a.b:81/c http://1.2.3.4 http://[::1]",
        "ftp://a.b data:, blob:https://a.b/1 filesystem:https://a.b/t/1 file:///x custom:x about:blank javascript:1",
    ),
    ("*", "file:///page", "file:///etc/hosts http://a.b", "custom:x data:,"),
    ("*", "ftp://a.b/", "ftp://c.d/", "file:///x"),
    ("*", "custom://a.b/", "custom://c.d/ custom:x", "other:x"),
    ("*", "data:text/html,x", "https://a.b", "data:,"),
    ("*", "blob:https://a.b/1", "https://a.b", "blob:https://a.b/2"),
    ("*:*", HTTPS, "https://a.b https://a.b:81", "http://a.b wss://a.b data:,"),
    ("*:*", HTTP, "http://a.b:81 https://a.b:81", "ws://a.b"),
    ("http://*", HTTPS, "http://a.b https://a.b http://.", "http://a.b:81 https://a.b:81 ws://a.b"),
    ("https://*", HTTPS, "https://a.b", "http://a.b https://a.b:444"),
    ("https://*:*", HTTPS, "https://a.b:444", "http://a.b"),
    ("*:81", HTTP, "http://a.b:81 https://a.b:81", "http://a.b http://a.b:82"),
    ("http://*/in.html", HTTP, "http://a.b/in.html", "http://a.b/out.html"),
    ("*/x", HTTPS, "https://a.b/x", "https://a.b/y"),
]
HOSTS = [
    ("*.a.b", HTTP, "http://c.a.b http://d.c.a.b http://*.a.b http://.a.b https://c.a.b", "http://a.b http://xa.b"),
    ("a.b", HTTP, "http://a.b http://A.B", "http://c.a.b http://.a.b http://a.b.c http://b"),
    ("*.A.b", HTTP, "http://c.a.B", "http://c.A.c"),
    ("http://ExAmple.COM", HTTP, "http://example.com http://EXAMPLE.com", "http://example.org"),
    ("xn--mnchen-3ya.de", HTTPS, "https://münchen.de/ https://xn--mnchen-3ya.de", "https://munchen.de"),
    ("a.b.", HTTPS, "https://a.b./x", "https://a.b"),
    ("a.b", HTTPS, "https://a.b", "https://a.b."),
    ("127.0.0.1", HTTP, "http://127.0.0.1 http://0x7f.1", "http://127.0.0.2"),
    ("10.0.0.1:81", HTTP, "http://10.0.0.1:81", "http://10.0.0.1"),
    ("0x7f.1", HTTP, "", "http://127.0.0.1 http://0x7f.1"),
    ("localhost", HTTP, "http://localhost/", "http://localhost:81/"),
    ("-", HTTP, "http://-/", "http://a/"),
]
PORTS = [
    ("a.b", HTTP, "http://a.b:80 https://a.b:443", "http://a.b:81 http://a.b:443 https://a.b:80 https://a.b:81"),
    ("a.b:*", HTTP, "http://a.b http://a.b:81 https://a.b:0 https://a.b", "http://b.c"),
    ("a.b:80", HTTP, "http://a.b http://a.b:80 https://a.b https://a.b:443", "http://a.b:81 http://a.b:443"),
    ("http://a.b:80", HTTPS, "http://a.b https://a.b https://a.b:443", "http://a.b:443 https://a.b:8443"),
    ("http://a.b:443", HTTPS, "https://a.b http://a.b:443", "http://a.b"),
    ("https://a.b:80", HTTPS, "https://a.b:80 https://a.b https://a.b:443", "https://a.b:81 http://a.b"),
    ("a.b:80", HTTPS, "https://a.b https://a.b:443 https://a.b:80", "https://a.b:81 http://a.b"),
    ("ws://a.b:80", HTTPS, "wss://a.b ws://a.b", "wss://a.b:81"),
    ("http://a.b:8000", HTTPS, "http://a.b:8000 https://a.b:8000", "http://a.b https://a.b"),
    ("a.b:0080", HTTP, "http://a.b", "http://a.b:8080"),
    ("a.b:000", HTTP, "http://a.b:0", "http://a.b"),
    ("a.b:65616", HTTP, "", "http://a.b http://a.b:80"),
    ("a.b:" + "9" * 5000, HTTP, "", "http://a.b"),
]
PATHS = [
    ("a.b/", HTTPS, "https://a.b https://a.b/ https://a.b/c/d", "https://c.b/"),
    ("a.b/c", HTTPS, "https://a.b/c https://a.b/c?x https://a.b/c#x", "https://a.b/c/ https://a.b/C https://a.b/cd"),
    ("a.b/c/", HTTPS, "https://a.b/c/ https://a.b/c/d https://a.b/c/d/e", "https://a.b/c https://a.b/ https://a.b/C/d"),
    ("a.b/c//", HTTPS, "https://a.b/c// https://a.b/c//d", "https://a.b/c/ https://a.b/c/d"),
    ("a.b/%63", HTTPS, "https://a.b/c https://a.b/%63", "https://a.b/%2563"),
    ("a.b/c%2Fd", HTTPS, "https://a.b/c%2Fd https://a.b/c%2fd", "https://a.b/c/d"),
    ("a.b/c/", HTTPS, "https://a.b/c/d", "https://a.b/c%2Fd"),
    ("a.b/c%3Bd%2ce", HTTPS, "https://a.b/c;d,e https://a.b/c%3bd%2Ce", "https://a.b/c"),
    ("a.b/Hello%20G%C3%BCnter", HTTPS, "https://a.b/Hello%20Günter https://a.b/Hello Günter".replace(" G", "%20G"), ""),
    ("a.b/c?d", HTTPS, "https://a.b/c https://a.b/c?e", "https://a.b/"),
    ("a.b/c#d", HTTPS, "https://a.b/c", "https://a.b/"),
    ("a.b?x=y", HTTPS, "https://a.b/anything", "https://c.b/"),
    ("http://a.b:81#x", HTTPS, "http://a.b:81/y", "http://a.b/"),
    ("a.b/(~!$&'*+=:@)", HTTPS, "https://a.b/(~!$&'*+=:@)", "https://a.b/"),
    ("a.b/c/../d", HTTPS, "", "https://a.b/d"),
]
SELF = [
    (
        "'self'",
        HTTPS,
        "https://example.test/x wss://example.test/",
        "http://example.test ws://example.test https://a.b",
    ),
    (
        "'self'",
        HTTP,
        "http://example.test https://example.test ws://example.test wss://example.test",
        "ftp://example.test",
    ),
    ("'SELF'", HTTPS, "https://example.test:443/", "https://example.test:444/"),
    ("'self'", "http://a.b:81/", "http://a.b:81 https://a.b:81 ws://a.b:81 wss://a.b:81", "http://a.b https://a.b"),
    ("'self'", "https://a.b:444/", "https://a.b:444 wss://a.b:444", "https://a.b http://a.b:444"),
    ("'self'", "http://1.2.3.4/", "http://1.2.3.4/ https://1.2.3.4/", "http://1.2.3.5/"),
    ("'self'", "http://[::1]/", "http://[::1]/", "http://[::2]/"),
    ("'self'", "ftp://a.b/", "ftp://a.b/", "http://a.b/"),
    ("'self'", HTTPS, "", "blob:https://example.test/1 filesystem:https://example.test/t/1 data:,"),
    ("'self'", "data:text/html,x", "", "data:text/html,x http://a.b"),
    ("'self'", "about:srcdoc", "", "about:srcdoc https://a.b"),
    ("'self'", "file:///a", "", "file:///a"),
    ("'self'", "custom://a.b/", "", "custom://a.b/ https://a.b"),
    ("'self'", "blob:https://a.b/1", "https://a.b/", "blob:https://a.b/1"),
]


def cases(*tables):
    for table in tables:
        for source, document, matching, others in table:
            yield from (
                pytest.param(source, document, url, True, id=f"{source[:30]} {url}") for url in matching.split()
            )
            yield from (
                pytest.param(source, document, url, False, id=f"{source[:30]} !{url}") for url in others.split()
            )


CASES = list(cases(SCHEMES, STARS, HOSTS, PORTS, PATHS, SELF))


@pytest.mark.parametrize("source, document, url, expected", CASES)
def test_a_source_matches_what_it_should(source, document, url, expected):
    assert loads(source, url, document) is expected


@pytest.mark.parametrize("source, document, url, expected", CASES)
def test_an_invalid_neighbour_changes_nothing(source, document, url, expected):
    assert loads(f"** {source} 'nonsense' http://:81", url, document) is expected


@pytest.mark.parametrize(
    "source",
    words(
        "1ba: -: : wrong_scheme wrong_scheme:// *. a.* a.*.b *a ** .b.c a..c + a_b.c scheme://host: a:-1 a:+1 "
        "http:/a.b http:// about:blank :88 abc::::::88 *.*:* *::88 http://localhost: test..com a.b+ http://a.b// "
        "http://a.b:88path/ http://a.b:88// http://a.b:88.js http://a.b:*.js http://a.b:*. a.b/foo%zz a.b/%$ a.b/[x] "
        "a.b/x|y http://user:pass@a.b http://a.b:c.d:23 ht!ps://a.b https://a.b:3f blob:https://a.b 'self self' "
        '"self" [::1] http://[::1] //a.b /a a.b:'
    ),
)
def test_what_follows_no_grammar_matches_nothing(source):
    for url in ("https://a.b/", "https://example.test/", "http://localhost/", "https://self/", "blob:https://a.b/1"):
        assert not loads(source, url)
    assert host_source(source) is None


@pytest.mark.parametrize(
    "source, url, expected",
    [
        ("http://a.b/foo/", "http://a.b/bar/", True),
        ("http://a.b/foo/", "https://a.b/bar/", True),
        ("http://a.b:81/foo", "http://a.b:81/", True),
        ("http://a.b:81/foo", "http://a.b:82/foo", False),
        ("http://a.b/foo/", "http://c.b/foo/", False),
        ("https://a.b/foo/", "http://a.b/foo/", False),
    ],
)
def test_a_redirect_drops_the_path_and_nothing_else(source, url, expected):
    assert loads(source, url, redirected=True) is expected
    assert not loads("https://a.b/foo/", "https://a.b/bar", redirected=False)


@pytest.mark.parametrize(
    "source, url, why",
    [
        ("'self'", "https://a.b/", "img-src 'self'; the host differs"),
        ("a.b", "http://a.b/", "img-src a.b; the scheme differs"),
        ("a.b", "https://a.b:81/", "img-src a.b; the port differs"),
        ("a.b a.b/c", "https://a.b:81/", "img-src a.b a.b/c; the port differs"),
        ("a.b/c", "https://a.b/d", "img-src a.b/c; the path differs"),
        ("https:", "http://a.b/", "img-src https:; no source covers http:"),
        ("'none'", "http://a.b/", "img-src 'none'; it matches no URL"),
        ("", "http://a.b/", "img-src without a value; it matches no URL"),
        ("c.d a.b", "https://a.b/", "img-src c.d a.b; a.b matches"),
    ],
)
def test_a_decision_explains_itself(source, url, why):
    assert ask(f"img-src {source}", "img-src", url=url).why == why


@pytest.mark.parametrize("source", ["custom://abc", "custom://ABC"])
def test_hosts_of_any_scheme_are_compared_whatever_their_case(source):
    assert loads(source, "custom://abc/x")
    assert loads(source, "custom://ABC/x")
