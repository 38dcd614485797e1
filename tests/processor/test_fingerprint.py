"""What makes two reports the same violation, and what doesn't."""

import msgspec
import pytest

from processor.fingerprint import fingerprint
from tests.support.store import violation

ONE = violation(1)


@pytest.mark.parametrize(
    "field, value",
    [
        ("site", "other"),
        ("document_url", "https://www.shop.example/other"),
        ("effective_directive", "style-src"),
        ("blocked_url", "https://cdn.evil.example/other.js"),
        ("source_file", "https://www.shop.example/other.js"),
        ("line_number", 77),
        ("column_number", 77),
        ("disposition", "other"),
        ("browser", "Other"),
        ("browser_version", "1.0"),
    ],
)
def test_each_of_these_fields_makes_another_violation(field, value):
    assert fingerprint(msgspec.structs.replace(ONE, **{field: value})) != fingerprint(ONE)


@pytest.mark.parametrize(
    "field, value",
    [
        ("referrer", "https://elsewhere.example/"),
        ("status_code", 404),
        ("sample", "alert(1)"),
        ("policy_hash", "0123456789abcdef"),
        ("os", "Other"),
        ("user_agent", "other"),
        ("noise", "extension"),
        ("window", 0),
        ("first_seen", 0),
        ("browser_version", ONE.browser_version + ".1"),
    ],
)
def test_none_of_these_does(field, value):
    assert fingerprint(msgspec.structs.replace(ONE, **{field: value})) == fingerprint(ONE)


def test_neighbouring_fields_do_not_run_into_each_other():
    left = msgspec.structs.replace(ONE, blocked_url="ab", source_file="c")
    right = msgspec.structs.replace(ONE, blocked_url="a", source_file="bc")
    assert fingerprint(left) != fingerprint(right)


def test_it_has_128_bits_and_never_changes():
    """Rows of many months are found by it: a new value here is a migration of the store."""
    fixed = msgspec.structs.replace(
        ONE,
        site="shop",
        document_url="https://www.shop.example/",
        effective_directive="script-src-elem",
        blocked_url="inline",
        source_file="",
        line_number=3,
        column_number=0,
        disposition="enforce",
        browser="Firefox",
        browser_version="153.0",
    )
    assert fingerprint(fixed).hex() == "256a68ef8aad07a21a41699d636028a7"
