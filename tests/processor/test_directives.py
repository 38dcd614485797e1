"""The directive's name: which of two, where it ends, and what becomes of an unknown one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.directives import KNOWN, directive

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=100)


@pytest.mark.parametrize(
    "effective, violated, name",
    [
        ("script-src-elem", "script-src 'self'", "script-src-elem"),
        ("frame-src", "child-src 'self'", "frame-src"),
        ("", "img-src 'self' https:", "img-src"),
        ("", "  Img-Src\t'self'", "img-src"),
        ("made-up", "img-src", "img-src"),
        ("script-src;object-src", "", "script-src"),
        ("style-src\nX-Injected: 1", "", "style-src"),
        ("require-trusted-types-for 'script'", "", "require-trusted-types-for"),
        ("", "inline script base restriction", "script-src"),
        ("", "eval script base restriction", "script-src"),
    ],
)
def test_a_known_name_is_found(effective, violated, name):
    assert directive(effective, violated) == name
    assert name in KNOWN


@pytest.mark.parametrize(
    "effective, violated, name",
    [
        ("", "", ""),
        ("Made-Up 'self'", "", "made-up"),
        ("made-up", "another", "made-up"),
        ("", "x" * 1000, "x" * 64),
        ("", ";", ""),
        ("", "<b>bold</b> claim", "<b>bold</b>"),
    ],
)
def test_an_unknown_name_is_kept_as_one_bounded_word(effective, violated, name):
    assert directive(effective, violated) == name


@given(ANY_TEXT, ANY_TEXT)
def test_any_texts_give_one_storable_word(effective, violated):
    name = directive(effective, violated)
    assert len(name) <= 64
    assert name.encode().decode() == name
    assert not name or name.split() == [name]
    assert not {";", ",", "\0"} & set(name)
