"""A policy's one spelling, so that one policy is one policy whichever browser repeats it (rule 39)."""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from processor.text import begin, storable
from processor.tokens import path_without_tokens

POLICY_BYTES = 65_536
MOST_DIRECTIVES = 500  # CSP has some 40; what follows is somebody trying
_MOST_ODD = 200  # words of its paths, looked at for secrets
_CACHED = 16_384

# Still a nonce by the grammar, so that whoever reads the policy again finds one where one was.
_NO_NONCE = "'nonce-removed'"
_NONCE = re.compile(r"'nonce-[^'\s;,]*'?", re.IGNORECASE)
_QUERY = re.compile(r"\?[^\s;]*")
_USERINFO = re.compile(r"(?<=//)[^\s/;]*@")
_EMPTY = re.compile(r";[\t\n\f\r ;]+")
_PATH = re.compile(r"(?<![^\s;,])([^\s;,'/][^\s;,/]*+(?://[^\s;,/]*+)?)?(/[^\s;,]*+)")  # of a source or an address
_BLANKS = re.compile(r"[\t\n\f\r ]+")  # CSP's white space: vertical tab and no-break space are none


class Policy(NamedTuple):
    text: str
    hash: str  # 16 hex digits; empty without a policy


_NONE = Policy("", "")


def policy(text: str) -> Policy:
    """Names in lower case, single blanks, no empty directives; nonces, and the queries of its URLs, taken out."""
    if not text:
        return _NONE
    # What differs from page to page goes before the cache is asked, or every one would be a miss. Most policies have
    # nothing that does, and to know it takes a third of the time of taking it out.
    if "'nonce-" in text or "?" in text or len(text) > _CACHED:
        text = without_secrets(begin(text, POLICY_BYTES))
    return _cached(text) if len(text) <= _CACHED else _read(text)


def without_secrets(text: str) -> str:
    text = without_nonces(text)
    if "?" in text:
        text = _QUERY.sub("", text)
    return _USERINFO.sub("", text) if "@" in text else text


def without_nonces(text: str) -> str:
    # To look for the word takes a third of what the expression takes to find none.
    return _NONCE.sub(_NO_NONCE, text) if "'nonce-" in text.lower() else text


def without_tokens(text: str) -> str:
    """What else is secret in it: in paths. Written so that a path is still one by CSP's grammar: it has no braces."""
    if "/" not in text:
        return text
    left = iter(range(_MOST_ODD))
    return _PATH.sub(lambda found: _path(found, left), text)


def _path(found: re.Match[str], left: Iterator[int]) -> str:
    path = path_without_tokens(found[2], left)
    return found[0] if path == found[2] else (found[1] or "") + path.replace("{", "%7B").replace("}", "%7D")


def _read(text: str) -> Policy:
    text = without_tokens(without_secrets(text))
    parts = _EMPTY.sub(";", text).split(";", MOST_DIRECTIVES)[:MOST_DIRECTIVES]
    spelled = storable("; ".join(filter(None, map(_directive, parts))), POLICY_BYTES)
    return Policy(spelled, blake2b(spelled.encode(), digest_size=8).hexdigest()) if spelled else _NONE


_cached = lru_cache(maxsize=512)(_read)


def _directive(text: str) -> str:
    name, *values = _BLANKS.split(text.strip("\t\n\f\r "))
    name = name.lower()
    if "#" in text and name != "trusted-types":  # whose names may hold one
        values = [value.partition("#")[0] for value in values if not value.startswith("#")]
    return " ".join((name, *values))
