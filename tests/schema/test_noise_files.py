"""A rules file that can't be used is refused in a sentence: the place, the rule, the key, and what would be right."""

import contextlib
import re
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import noise_checks
from schema.noise import BadRules, Rule
from schema.noise_files import load_rules, packaged, parsed, version_of
from schema.sites import BadSites, Site, load_sites

RULE = '[[rule]]\nid = "widget"\ncategory = "injected"\nreason = "A widget."\n'


def wrong(text: str) -> str:
    with pytest.raises(BadRules) as raised:
        parsed(text, "my.toml")
    sentence = str(raised.value)
    assert "my.toml" in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "condition, says",
    [
        ('hosts = "a.example"', "hosts is no key of a rule; host is meant?"),
        ("", "it has no condition; give it at least one of scheme, host,"),
        ('places = "document"', "it has no condition"),
        ('host = "*.a.example"', "host has '*.a.example'; a host is a name in lower case"),
        ('host = "https://a.example"', "without scheme, port and *"),
        ('scheme = "chrome-extension://"', "a scheme is written without ://"),
        ('host = "a.example"\npath = "x"', "a path begins with /"),
        ('path = "/x"', "it has no condition"),
        ('host = "a.example"\nplaces = ["page"]', "places has 'page'; it may have blocked, document, source"),
        ('directives = ["scirpt-src"]', "directives has 'scirpt-src'; script-src is meant?"),
        ('blocked_kinds = "in-line"', "blocked_kinds has 'in-line'; inline is meant?"),
        ('os = "Windows"\nbelow = 43', "since and below are versions of a browser, so browser must be there, too"),
        ('browser = "Chrome"\nsince = 50\nbelow = 50', "since is less than below"),
        ('browser = "Chrome"\nbelow = "50"', "Expected `int`, got `str` - at `$.below`"),
        ('sample = "("', "sample is no regular expression"),
        ('sample = "(a+)+$"', "sample repeats without end"),
        ('sample = "a.*b"', "sample repeats without end"),
        ('sample = "(ab){2}"', "sample repeats without end, or repeats a group"),
        ('sample = "(?=a)b"', "sample has a back reference, a flag, a name or a look-around"),
        ("sample = '(a)\\1'", "sample has a back reference"),
        ('sample = "(?i)a"', "sample has a back reference, a flag"),
        (f'sample = "{"x?" * 40}"', "can be matched in over 2500 ways"),
        (f'sample = "{"(a|ab)" * 20}"', "can be matched in over 2500 ways"),
        (f'sample = "{"a" * 301}"', "sample is longer than 300 characters"),
        ('sample = "a{0,99}b{0,99}"', "can be matched in over 2500 ways"),
        ('sample = "(?:x{0,400}x{0,400}x{0,400}z)"', "can be matched in over 2500 ways"),
        (f'sample = "(?:{"x?" * 20}|y)z"', "can be matched in over 2500 ways"),
        ('host = "a.example"\ncategory = "x"', "no TOML"),
    ],
)
def test_a_wrong_rule_is_told_with_its_id(condition: str, says: str):
    sentence = wrong(f'version = "1"\n{RULE}{condition}\n')
    assert says in sentence
    assert "[[rule]] widget: " in sentence or "no TOML" in sentence


@pytest.mark.parametrize(
    "text, says",
    [
        (f'{RULE}host = "a.example"', "version is a short text"),
        (f'version = 5\n{RULE}host = "a.example"', "version is a short text"),
        ('version = "1"', "holds no [[rule]]"),
        ('version = "1"\nrules = []', "rules is no key; a rules file holds version and [[rule]] tables"),
        ('version = "1"\nrule = 3', "rules are written as [[rule]] tables"),
        (f'version = "1"\n{RULE}host = "a.example"\n{RULE}host = "b.example"', "there are two rules of this id"),
        ('version = "1"\n[[rule]]\nhost = "a.example"', "[[rule]] number 1: Object missing required field `id`"),
        (f'version = "1"\n{RULE.replace("injected", "adware")}host = "a"', "category is one of extension, injected"),
        (f'version = "1"\n{RULE.replace("A widget.", " ")}host = "a"', "reason is a sentence"),
        (f'version = "1"\n{RULE.replace("widget", "Widget")}host = "a"', "id is lower-case letters"),
    ],
)
def test_a_wrong_file_is_told(text: str, says: str):
    assert says in wrong(text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(BadRules, match="can't be read: No such file"):
        load_rules(tmp_path / "none.toml")
    (tmp_path / "latin").write_bytes(b'version = "\xe9"')
    with pytest.raises(BadRules, match="can't be read"):
        load_rules(tmp_path / "latin")


def test_one_word_may_stand_for_a_list_of_one():
    [rule] = parsed(f'version = "1"\n{RULE}host = "a.example"\ndirectives = "img-src"', "x").rules
    assert (rule.host, rule.directives) == (("a.example",), ("img-src",))


def test_a_site_has_rules_of_its_own_in_the_same_form(tmp_path: Path):
    path = tmp_path / "sites.toml"
    path.write_text(
        '[sites.shop]\nnoise_off = ["local-document"]\n'
        + RULE.replace("[[rule]]", "[[sites.shop.noise]]")
        + 'host = "a.example"'
    )
    site = load_sites(path).get("shop")
    assert site.noise == parsed(f'version = "1"\n{RULE}host = "a.example"', "x").rules
    assert site.noise_off == ("local-document",)
    # As it travels with a batch.
    assert msgspec.json.decode(msgspec.json.encode(site), type=Site) == site


@pytest.mark.parametrize(
    "table, says",
    [
        (RULE.replace("[[rule]]", "[[sites.shop.noise]]") + "hots = 1", "[[sites.shop.noise]] widget: hots is no key"),
        ("[sites.shop]\nnoise = 1", "rules are written as [[sites.shop.noise]] tables"),
        ('[sites.shop]\nnoise_off = ["No"]', "noise_off has 'No', which is no id of a rule"),
    ],
)
def test_a_wrong_rule_of_a_site_is_told(tmp_path: Path, table: str, says: str):
    (tmp_path / "sites.toml").write_text(table)
    with pytest.raises(BadSites) as raised:
        load_sites(tmp_path / "sites.toml")
    assert says in str(raised.value)
    assert "sites.toml" in str(raised.value)


def test_the_version_of_the_programs_own_rules_is_as_it_stands():
    rules = packaged()
    assert version_of(rules) == rules.version
    copy = msgspec.json.decode(msgspec.json.encode(rules), type=type(rules))
    assert version_of(copy) == rules.version
    assert version_of(rules, [], ["x"]) != rules.version


_PIECES = [
    "a",
    "b",
    ".",
    "[ab]",
    "\\w",
    "a{0,5}",
    "b{1,40}",
    "x?",
    "(?:a|ab)",
    "(?:b|c)?",
    "\\b",
    "^",
    "$",
    "(a|b|)",
    "(?:a{0,400}b)",
    "(?:a{0,400})",
    "(?:x?|a{0,40}c)",
]


@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12), st.text("ab c", max_size=1024))
def test_an_expression_that_is_taken_needs_little_time_whatever_the_sample(pieces: list[str], sample: str):
    try:
        [rule] = parsed(f"version = \"1\"\n{RULE}sample = '{''.join(pieces)}'", "x").rules
    except BadRules:
        return
    found = re.compile(rule.sample)
    for text in (sample, "a" * 1024, "ab" * 512):
        started = time.thread_time()
        found.search(text + "!")
        assert time.thread_time() - started < 0.5


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda its: st.lists(its, max_size=3))
)
def test_whatever_stands_in_a_rule_is_refused_or_taken_and_never_raises_otherwise(value):
    for name in Rule.__struct_fields__:
        table = {"id": "x", "category": "browser", "reason": "R.", "host": "a.example"} | {name: value}
        with contextlib.suppress(BadRules):
            noise_checks.rules([table], "x", "[[rule]]")
