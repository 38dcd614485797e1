"""Values of any type become bounded text or whole numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.text import as_text, begin, storable, whole, without_queries

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    "value, number",
    [(0, 0), (7, 7), ("7", 7), (7.0, 7), (70_774, 70_774), ("0070", 70)]
    + [(value, 0) for value in (-1, "-1", 1.5, "1.5", None, True, [], {}, "", "x", "٣", float("inf"), float("nan"))]
    + [(10**400, 0), ("9" * 5000, 0), (2**32, 0), ("4294967296", 0)],
)
def test_what_is_no_number_of_the_field_is_dropped(value, number):
    assert whole(value, 2**32 - 1) == number


@pytest.mark.parametrize(
    "value, text",
    [
        ("x", "x"),
        (5, "5"),
        (1.5, "1.5"),
        (None, ""),
        (True, ""),
        (["x"], ""),
        ({}, ""),
        (10**400, ""),
        (float("nan"), ""),
    ],
)
def test_a_number_is_text_where_text_belongs(value, text):
    assert as_text(value) == text


def test_a_lone_surrogate_and_nul_are_replaced():
    assert storable("a\ud83d\0b", 100) == "a\ufffd\ufffdb"


@given(ANY_TEXT, st.integers(0, 20))
def test_a_text_is_cut_between_characters(text, limit):
    cut = storable(text, limit)
    assert len(cut.encode()) <= limit
    whole_text = storable(text, 10_000)
    assert whole_text.startswith(cut)
    assert len(cut) == len(whole_text) or len(whole_text[: len(cut) + 1].encode()) > limit


@pytest.mark.parametrize(
    "sample, kept",
    [
        ("HTMLScriptElement src|https://u:p@cdn.example/x.js?a=1", "HTMLScriptElement src|https://cdn.example/x.js"),
        ("fetch('https://cdn.example/?token=1#x').then(y)", "fetch('https://cdn.example/').then(y)"),
        ('a ? b : c#d\n\t<b>"quoted"</b>', 'a ? b : c#d\n\t<b>"quoted"</b>'),
    ],
)
def test_only_urls_lose_something_in_a_sample(sample, kept):
    assert without_queries(sample) == kept


@pytest.mark.parametrize("mark", " /?&=;,\n|\\(")
def test_where_a_text_is_cut_the_word_that_would_be_cut_goes_too(mark: str):
    assert begin(f"some words{mark}half-a-secret", 20) == "some words"
    assert begin(f"some words{mark}half-a-secret", 24) == f"some words{mark}half-a-secret"


@given(ANY_TEXT, st.integers(1, 30))
def test_a_begin_is_a_begin_and_no_longer_than_it_may_be(text, most):
    assert text.startswith(begin(text, most))
    assert len(begin(text, most)) <= most
