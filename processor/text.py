"""What any value of a report's JSON becomes before it is stored: bounded text, or a whole number."""

import math
import re
import string
from typing import Any

MOST_WORDS = 500

_OF_A_WORD = string.ascii_letters + string.digits + "-_.~+%@!$*"  # all that a token or a mail address is made of
_LONGEST_CUT = 1024  # characters: what is longer is long enough to be judged without its end

_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

# scheme://userinfo@rest?query#fragment, wherever it stands in a text. Possessive and never failing after `://`,
# so the time is linear in whatever a hostile client sends.
_URLS = re.compile(r"""(://)(?:[^\s/?#"'<>`\\]*@)?([^\s?#"'<>`]*+)(?:[?#][^\s"'<>`]*+)?""")
_TAIL = re.compile(r"[?#&].*", re.DOTALL)
_LOCAL_PART = re.compile(r"(?<![^/])[^/]+@")  # a user name before the @, up to the last slash


def as_text(value: Any) -> str:
    """Text as sent; a number as its digits; anything else is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if isinstance(value, int):
        return str(value) if -(2**63) <= value < 2**64 else ""
    return repr(value) if math.isfinite(value) else ""


def begin(text: str, most: int) -> str:
    """At most the first `most` characters, for what takes time with each: without the word that would be cut, because
    a part of a secret looks like none.
    """
    if len(text) <= most:
        return text
    text = text[:most]
    end = text[max(0, most - _LONGEST_CUT) :]
    whole = end.rstrip(_OF_A_WORD)
    return text[: len(text) - len(end) + len(whole) - 1] if whole else text


def storable(text: str, limit: int) -> str:
    """Valid UTF-8 of at most `limit` bytes, no character cut in half, without NUL and lone surrogates."""
    text = text[:limit]
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = _SURROGATES.sub("\ufffd", text).encode()
    return raw[:limit].decode(errors="ignore")


def whole(value: Any, top: int) -> int:
    """A number from 0 to `top`, also from a string of digits; whatever can't be one is 0 (rule 17)."""
    if type(value) is int:
        return value if 0 <= value <= top else 0
    if isinstance(value, str):
        value = int(value) if len(value) <= 10 and value.isascii() and value.isdigit() else 0
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else 0
    else:
        return 0
    return value if 0 <= value <= top else 0


def without_queries(text: str) -> str:
    """The text with userinfo, query and fragment taken out of the URLs in it."""
    return _URLS.sub(r"\1\2", text) if "://" in text else text


def plain_words(text: str) -> str:
    """Free text that stands where a URL should: words, without what looks like a query or an address."""
    words = _CONTROLS.sub(" ", without_queries(text)).split(maxsplit=MOST_WORDS)[:MOST_WORDS]
    return " ".join(_LOCAL_PART.sub("", _TAIL.sub("", word)) for word in words)
