"""What is kept of a report as it was sent: a raw example of each violation, and refused bodies. Secrets taken out."""

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from processor.policy import without_nonces, without_secrets, without_tokens
from processor.text import begin, plain_words, storable, without_queries
from processor.tokens import text_without_tokens
from processor.urls import read_blocked, read_url
from schema.report import SPELLINGS

EXAMPLE_BYTES = 8192
REJECT_BYTES = 2048
# What one value may hold, tried in this order until the whole fits; at the last even all names together do.
_VALUE_BYTES = (4096, 1024, 256, 64, 16)
_READ = 4 * EXAMPLE_BYTES  # characters looked at of all values together, and of each four times what may be kept of it

_SHORT = 4096  # characters of a policy that is remembered: at most 4 MB of all

_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_TAIL = re.compile(r'(?:[?#]|%3[fF])(?:\\.|[^\s"\\])*+')
_PAIR = re.compile(r'((?:\A|&)[^\s"=&]{1,64}=)[^\s"&]*')
_LOCAL_PART = re.compile(r"(?<![\w.+%-])[\w.+%-]++@")
_ENDS_AUTHORITY = re.compile(r'[\s/"]')


def redact_raw(body: dict[str, Any]) -> str:
    """A report's body as JSON of at most 8 KiB, with the browser's own names; what isn't a report's is left out."""
    plain = {name: value for name, value in body.items() if name in _REDACT and _is_plain(value)}
    limits = _limits([len(value) for value in plain.values() if isinstance(value, str)])
    kept = {name: _value(name, value, 4 * limits[0]) for name, value in plain.items()}
    for limit in limits:
        bounded = {name: storable(value, limit) if isinstance(value, str) else value for name, value in kept.items()}
        raw = msgspec.json.encode(bounded)
        if len(raw) <= EXAMPLE_BYTES:
            return raw.decode()
    return "{}"


def _limits(lengths: list[int]) -> Sequence[int]:
    """Those of _VALUE_BYTES with which no more than _READ characters are looked at."""
    if sum(lengths) <= _READ:  # nearly always
        return _VALUE_BYTES
    return [limit for limit in _VALUE_BYTES if sum(min(length, 4 * limit) for length in lengths) <= _READ]


def redact_bytes(raw: bytes) -> str:
    """At most 2 KiB of text of anything, also where its secrets are written with JSON's escapes or as a form."""
    text = raw[: 2 * REJECT_BYTES].decode(errors="replace").replace("\\/", "/")
    text = without_nonces(_ESCAPED.sub(_unescape, text))
    text = _PAIR.sub(r"\1", _TAIL.sub("", text))
    text = text_without_tokens(_LOCAL_PART.sub("", without_queries(text)))
    return storable(_without_cut_userinfo(text), REJECT_BYTES)


def _unescape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return found[0] if character in '"\\' else character


def _without_cut_userinfo(text: str) -> str:
    """Bodies come here cut: the `user:password` of a last URL may have lost the @ that tells."""
    head, separator, last = text.rpartition("://")
    return head + separator if ":" in last and not _ENDS_AUTHORITY.search(last) else text


def _is_plain(value: Any) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    return value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))


def _value(name: str, value: Any, most: int) -> Any:
    return _REDACT[name](begin(value, most)) if isinstance(value, str) else value


def _url(text: str) -> str:
    return read_url(text).text


def _blocked(text: str) -> str:
    return read_blocked(text).text


def _words(text: str) -> str:
    return text_without_tokens(plain_words(text))


def _policy(text: str) -> str:
    text = without_secrets(text)
    return _known_policy(text) if len(text) <= _SHORT else without_tokens(text)


# Most reports of a batch have the same few, and to look at each anew took half of an example's time.
_known_policy = lru_cache(maxsize=256)(without_tokens)


def _directive(text: str) -> str:
    return text_without_tokens(_policy(text))


def _sample(text: str) -> str:
    return text_without_tokens(without_queries(text))


def _request(text: str) -> str:
    """`GET http://host/path?query HTTP/1.1`."""
    return " ".join(_url(word) if "/" in word and ":" in word else _words(word) for word in text.split(maxsplit=3)[:3])


_BY_FIELD: dict[str, Callable[[str], str]] = {
    "document": _url,
    "referrer": _url,
    "blocked": _blocked,
    "source": _url,
    "request": _request,
    "policy": _policy,
    "violated": _directive,
    "effective": _directive,
    "sample": _sample,
}
_REDACT = {name: _BY_FIELD.get(field, _words) for field, names in SPELLINGS.items() for name in names}
