"""Serialized policies (CSP3 §2.2.1): what is a directive, and what becomes of the rest."""

import pytest

from csp.match import Request, decide
from csp.policy import parse, parse_list
from csp.reported import as_reported


def pairs(text: str) -> list[list]:
    return [[name, *values] for name, values in parse(text).directives]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("; ; ; ;", []),
        ("default-src", [["default-src"]]),
        ("script-src 'self'", [["script-src", "'self'"]]),
        ("\t\tscript-src 'self' \t", [["script-src", "'self'"]]),
        ("script-src\n'self'\r\n\fa.b", [["script-src", "'self'", "a.b"]]),
        (" ; ; ; ;     default-src            abc    ; ; ; ;", [["default-src", "abc"]]),
        ("ScrIPT-sRc 'NONE'; IMG-src A.b", [["script-src", "'NONE'"], ["img-src", "A.b"]]),
        ("img-src a; script-src b; IMG-SRC c", [["img-src", "a"], ["script-src", "b"]]),
        ("img-src a a", [["img-src", "a", "a"]]),
        ("other-directive value", [["other-directive", "value"]]),
        ("frame_ancestors example.com", [["frame_ancestors", "example.com"]]),
        ("default-src: aaa", [["default-src:", "aaa"]]),
        ("frame-ancestors object-src", [["frame-ancestors", "object-src"]]),
        ("frame-ancestors ü.com", []),
        ("img-src ü; img-src a", [["img-src", "a"]]),  # what was skipped is no first of duplicates
        ("ïmg-src a; font-src b", [["font-src", "b"]]),
        ("img-src a\xa0b", []),
        ("img-src\x0ba", [["img-src\x0ba"]]),
        ("img-src a\x00b", [["img-src", "a\x00b"]]),
        ("img-src a\x7f", [["img-src", "a\x7f"]]),
        ("img-src a\ud800", []),
        ("img-src a, font-src b", [["img-src", "a,", "font-src", "b"]]),
        ("upgrade-insecure-requests", [["upgrade-insecure-requests"]]),
        ("report-uri /x?y=1;report-to z", [["report-uri", "/x?y=1"], ["report-to", "z"]]),
        ("trusted-types a#b 'allow-duplicates'", [["trusted-types", "a#b", "'allow-duplicates'"]]),
    ],
)
def test_one_policy(text, expected):
    assert pairs(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        (", ;,", []),
        ("img-src a", ["img-src a"]),
        ("img-src a, font-src b", ["img-src a", "font-src b"]),
        ("img-src a,img-src b", ["img-src a", "img-src b"]),
        ("img-src a,, ü, font-src b;", ["img-src a", "font-src b"]),
    ],
)
def test_a_header_may_hold_several(text, expected):
    assert [str(policy) for policy in parse_list(text)] == expected


def test_a_policy_can_be_kept():
    assert parse("img-src a") is parse("img-src a")
    with pytest.raises(AttributeError):
        parse("img-src a").directives = ()
    assert len({parse("img-src a"), parse("img-src b")}) == 2


def test_a_huge_policy_is_read():
    assert len(parse("; ".join(f"d{n} 'self'" for n in range(20_000))).directives) == 20_000


def test_hostile_sizes_take_no_long():
    many = parse("img-src " + " ".join(f"a.b/{n}" for n in range(50_000)))
    dots = "https://" + "a." * 200_000 + "b/"
    for url in ("https://a.b/49999", dots, "https://c.d/" + "/" * 200_000):
        found = decide((many,), "https://example.test/", "img-src", Request(url=url))
        assert found.allowed == url.endswith("49999")
        assert len(found.why) < 400


@pytest.mark.parametrize(
    ("policy", "acts_as"),
    [
        ("Upgrade-Insecure-Requests", "ignored"),
        ("img-src 'self';\tupgrade-insecure-requests ; x", "img-src 'self';\tignored ; x"),
        ("img-src 'self',upgrade-insecure-requests 1", "img-src 'self',ignored 1"),
        ("img-src a.example/upgrade-insecure-requests/", "img-src a.example/upgrade-insecure-requests/"),
        ("img-src upgrade-insecure-requests", "img-src upgrade-insecure-requests"),
        ("upgrade-insecure-requests-too", "upgrade-insecure-requests-too"),
    ],
)
def test_a_policy_that_only_reports_upgrades_nothing(policy, acts_as):
    assert as_reported(policy) == acts_as
