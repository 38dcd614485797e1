"""Inline code against a source list: CSP3 §6.7.3, and what `eval` and WebAssembly need (§4.4.1, §4.5.1)."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence

from csp.policy import Policy
from csp.sources import Match, Sources, as_base64

SCRIPT_TYPES = frozenset({"script", "script attribute", "navigation"})
ELEMENT_TYPES = frozenset({"script", "style"})
INLINE_TYPES = SCRIPT_TYPES | ELEMENT_TYPES | {"style attribute"}
_SUGGESTED = {
    "script-src-attr": "script attribute",
    "style-src": "style",
    "style-src-elem": "style",
    "style-src-attr": "style attribute",
}


def inline_type(given: str, directive: str) -> str:
    return given if given in INLINE_TYPES else _SUGGESTED.get(directive, "script")


def match_inline(sources: Sources, kind: str, text: str, nonce: str, *, parser_inserted: bool) -> Match:
    """§6.7.3.3. Nonces are for elements only; hashes for the rest only with `'unsafe-hashes'`."""
    strict = "strict-dynamic" in sources.keywords
    if allows_all_inline(sources, kind):
        return Match(True, "'unsafe-inline' allows it")
    element = kind in ELEMENT_TYPES
    if element and nonce and nonce in sources.nonces:
        return Match(True, "the nonce matches")
    if strict and kind == "script" and not parser_inserted:
        return Match(True, "'strict-dynamic' allows a script that the parser didn't insert")
    if element or "unsafe-hashes" in sources.keywords:
        if _hash_matches(sources, text):
            return Match(True, "a hash matches")
    elif sources.hashes:
        return Match(False, f"a hash needs 'unsafe-hashes' beside it to allow a {kind}")
    return Match(False, _blocked(sources, kind))


def allows_all_inline(sources: Sources, kind: str) -> bool:
    """§6.7.3.2: a nonce or a hash cancels `'unsafe-inline'`, and for scripts `'strict-dynamic'` does."""
    if "unsafe-inline" not in sources.keywords or sources.nonces or sources.hashes:
        return False
    return kind not in SCRIPT_TYPES or "strict-dynamic" not in sources.keywords


def match_eval(policies: Sequence[Policy], sources: Sources) -> Match:
    """`'trusted-types-eval'` counts only where some policy demands Trusted Types."""
    if "unsafe-eval" in sources.keywords:
        return Match(True, "'unsafe-eval' allows it")
    if "trusted-types-eval" not in sources.keywords:
        return Match(False, "it has no 'unsafe-eval'")
    if any("'script'" in policy.values.get("require-trusted-types-for", ()) for policy in policies):
        return Match(True, "'trusted-types-eval' allows it")
    return Match(False, "'trusted-types-eval' needs require-trusted-types-for 'script'")


def match_wasm(sources: Sources) -> Match:
    for word in ("wasm-unsafe-eval", "unsafe-eval"):
        if word in sources.keywords:
            return Match(True, f"'{word}' allows it")
    return Match(False, "it has neither 'wasm-unsafe-eval' nor 'unsafe-eval'")


def _hash_matches(sources: Sources, text: str) -> bool:
    if not sources.hashes:
        return False
    content = _bytes(text)
    made: dict[str, str] = {}
    for algorithm, value in sources.hashes:
        if algorithm not in made:
            made[algorithm] = b64encode(hashlib.new(algorithm, content).digest()).decode()
        if made[algorithm] == as_base64(value):
            return True
    return False


def _bytes(text: str) -> bytes:
    """A lone surrogate counts as U+FFFD, as in every conversion of a JavaScript string."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _blocked(sources: Sources, kind: str) -> str:
    if "unsafe-inline" not in sources.keywords:
        return "nothing in it allows this inline " + kind
    if sources.nonces or sources.hashes:
        return "its nonce or hash cancels 'unsafe-inline', and none matches"
    return "'strict-dynamic' cancels 'unsafe-inline' for scripts"
