"""Browsers by User-Agent, as ua-parser names them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.browser import Browser, browser, major

_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    "agent, expected",
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", ("Firefox", "153.0", "Linux")),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/26.1 Safari/605.1.15",
            ("Safari", "26.1", "Mac OS X"),
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 9_0 like Mac OS X) {_WEBKIT} Version/9.0 Mobile/13A344 Safari/601.1",
            ("Mobile Safari", "9.0", "iOS"),
        ),
        ("curl/8.5.0", ("curl", "8.5.0", "")),
        ("nothing anybody knows", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_browser_is_recognised_or_not(agent, expected):
    assert browser(agent) == Browser(*expected)


def test_a_headless_browser_keeps_its_own_name():
    agent = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36"
    )
    assert browser(agent) == Browser("HeadlessChrome", "156.0.0", "Linux")


def test_the_major_version_is_what_stands_before_the_first_dot():
    assert [major(version) for version in ("156.0.8078.79", "9", "")] == ["156", "9", ""]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_some_browser_or_none(agent):
    assert all(isinstance(part, str) for part in browser(agent))
