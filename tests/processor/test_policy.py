"""One policy is one policy, whichever browser repeats it and whatever nonce it had."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor import policy as policies
from processor.policy import POLICY_BYTES, policy
from processor.text import begin

NAMES = st.sampled_from(["default-src", "script-src", "img-src", "report-uri", "sandbox", "upgrade-insecure-requests"])
VALUES = st.sampled_from(
    ["'self'", "https://cdn.example/a/", "data:", "*.example.com", "'unsafe-inline'", "'nonce-NONCE'"]
)
DIRECTIVES = st.lists(st.tuples(NAMES, st.lists(VALUES, max_size=4)), min_size=1, max_size=6)
BLANKS = st.text("\t\n\f\r ", min_size=1, max_size=3)
CASES = st.sampled_from([str.lower, str.upper, str.title])
NONCES = st.from_regex(r"[A-Za-z0-9+/_=-]{1,40}", fullmatch=True)


def spelled(directives, draw):
    """The same policy in another browser's spelling, with another page's nonces."""
    parts = []
    for name, values in directives:
        words = [draw(CASES)(name), *(value.replace("NONCE", draw(NONCES)) for value in values)]
        parts += [draw(BLANKS).join(words), *draw(st.lists(BLANKS, max_size=1))]
    return ";".join(parts)


@settings(deadline=None)
@given(DIRECTIVES, st.data())
def test_policies_that_differ_in_nonces_blanks_and_the_case_of_names_are_one(directives, data):
    assert policy(spelled(directives, data.draw)) == policy(spelled(directives, data.draw))


@pytest.mark.parametrize(
    "sent, text",
    [
        ("Default-Src 'self';; IMG-SRC  * ;", "default-src 'self'; img-src *"),
        ("script-src 'NONCE-abc=='", "script-src 'nonce-removed'"),
        ("report-uri /csp?token=1 https://u:p@r.example/?key=2#x", "report-uri /csp https://r.example/"),
        ("trusted-types goog#html", "trusted-types goog#html"),
        ("script-src 'SELF' https://CDN.example/Path", "script-src 'SELF' https://CDN.example/Path"),
        ("sandbox", "sandbox"),
    ],
)
def test_a_policy_is_spelled_one_way(sent, text):
    assert policy(sent).text == text


def test_a_removed_nonce_is_still_a_nonce_to_who_reads_the_policy():
    assert re.fullmatch(r"script-src 'nonce-[A-Za-z0-9+/_-]+={0,2}'", policy("script-src 'nonce-abc123'").text)


@pytest.mark.parametrize("none", ["", " ", ";", " ;\t; "])
def test_no_policy_has_no_hash(none):
    assert policy(none) == ("", "")


def test_policies_that_mean_something_else_have_another_hash():
    texts = ["img-src 'self'", "img-src 'none'", "script-src 'self'", "img-src 'self'; script-src 'self'"]
    assert len({policy(text).hash for text in texts}) == len(texts)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_any_text_is_a_storable_policy(text):
    found = policy(text)
    assert len(found.text.encode()) <= POLICY_BYTES
    assert re.fullmatch(r"[0-9a-f]{16}", found.hash) if found.text else found.hash == ""
    assert policy(found.text) == found


SECRETS = st.lists(
    st.sampled_from(["script-src", " ", "; ", "'nonce-abc'", "'NONCE-abc'", "'nonce-", "'", "https://a.example/x?y=1",
                     "?", "//user@host", "@", "/sGk3jfL0qPz8vXw2nRtY7uB", "report-uri /csp?id=1", "\t", ",", "#x",
                     "A" * 9000]),
    max_size=12,
).map("".join)  # fmt: skip


@given(SECRETS)
def test_a_policy_is_the_same_however_it_is_remembered(text):
    closely = policies._read(policies.without_secrets(begin(text, POLICY_BYTES)))
    assert policy(text) == policy(text) == (closely if text else ("", ""))
