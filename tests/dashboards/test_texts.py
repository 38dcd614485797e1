"""Texts that strangers wrote hide nothing, and figures are easy to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import texts


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\n", "\r", "\x1b", "\x85", "\xad", "\U000e0041"]
)
def test_what_would_be_hidden_or_reorder_the_line_is_named(hidden: str):
    assert texts.plain(f"a{hidden}b") == f"a⟦U+{ord(hidden):04X}⟧b"


def test_ordinary_texts_of_any_language_stay():
    for text in ("https://example.com/ä?x=1", "日本語", "עברית", "😀", ""):
        assert texts.plain(text) == text


def test_lines_keep_their_breaks():
    assert texts.lines("a\r\nb\nc\x00") == "a\nb\nc⟦U+0000⟧"


def test_a_long_text_keeps_its_beginning_and_its_end():
    found = texts.brief("https://example.com/" + "a" * 8000 + "/evil.js")
    assert found.startswith("https://example.com/aa")
    assert found.endswith("/evil.js")


@given(st.text(max_size=2000))
def test_a_brief_text_is_short(text: str):
    assert len(texts.brief(text)) <= texts.LONG


def test_numbers_times_and_steps():
    assert texts.number(1234567) == "1,234,567"
    assert texts.moment("2026-11-02T09:05:07.123Z") == "2 Nov 2026, 09:05:07"
    assert texts.short("2026-11-02T09:05:07Z") == "2 Nov, 09:05"
    assert [texts.span(step) for step in (60, 600, 3600, 10800, 86400, 604800)] == [
        "minute", "10 minutes", "hour", "3 hours", "day", "7 days"]  # fmt: skip


def test_a_share_is_all_or_none_only_where_it_is():
    assert [texts.percent(part, 10_000) for part in (0, 1, 10, 9_949, 9_960, 9_995, 9_999, 10_000)] == [
        "0%", "<0.1%", "0.1%", "99%", "99.6%", ">99.9%", ">99.9%", "100%"]  # fmt: skip
    assert texts.percent(0, 0) == "-"


def test_policies_are_shown_by_directive():
    assert texts.policies("default-src 'self';  img-src * ;;") == [["default-src 'self'", "img-src *"]]
    assert texts.policies("img-src 'self', ;, script-src a; x") == [["img-src 'self'"], ["script-src a", "x"]]
