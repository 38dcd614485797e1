"""What a violation report says was blocked, as questions for a policy: for who judges it and for who explains it."""

import re

import msgspec

from csp.match import Request


class Reported(msgspec.Struct, frozen=True):
    """`kind` is what stands where the blocked URL should: url, inline, eval, wasm-eval, self (old Firefox: inline or
    eval), trusted-types, empty, or what a bare scheme says (data, blob, extension …).
    """

    policy: str
    directive: str  # the effective one
    kind: str
    blocked: str
    document: str
    text: str = ""  # of an inline element, all of it; the name of a Trusted Types policy
    cut: bool = False  # the URL's end is missing
    file: bool = False  # it looks like a static file: hardly any redirects


# Browsers ignore it in a policy that only reports (Upgrade Insecure Requests §3).
_UPGRADE = re.compile(r"((?:\A|[;,])[\t\n\f\r ]*)upgrade-insecure-requests(?![^\t\n\f\r ;,])", re.IGNORECASE)


def as_reported(policy: str) -> str:
    """The policy as it acts where it only reports."""
    return _UPGRADE.sub(r"\1ignored", policy)


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def requests(reported: Reported) -> list[Request]:
    """More than one where the report leaves it open, none where it can't be read.

    Inline scripts are asked about as the parser's: what 'strict-dynamic' lets in besides, no browser reports.
    """
    inline = Request(inline=True, text=reported.text, parser_inserted=True)
    match reported.kind:
        case "inline":
            return [inline]
        case "self":
            return [inline, Request(eval=True)]
        case "eval":
            return [Request(eval=True)]
        case "wasm-eval":
            return [Request(wasm=True)]
        case "trusted-types":
            return [Request(text=reported.text)]
    return [Request(url=url, ancestors=(url,), parser_inserted=True) for url in _urls(reported)]


def _urls(reported: Reported) -> list[str]:
    text = reported.blocked
    if _HAS_SCHEME.match(text):
        return [text]
    if reported.kind == "url":
        return [f"{scheme}://{text.removeprefix('//')}" for scheme in ("https", "http")]
    is_scheme = _SCHEME.fullmatch(text) and text != "null"
    return [f"{text}:x"] if is_scheme else []  # CSP3 §5.4 leaves nothing but the scheme
