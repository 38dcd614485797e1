"""Does the report's own policy block what the report says was blocked? A verdict, and the reason in a word.

A browser reports what its policy blocked. Where that same policy allows it, the report is an extension's doing, a bug
or a forgery. Where the report leaves out what decides, every case it leaves open is asked: they agree, or nobody knows.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from csp.fallback import CHAINS, FRAMES, NOT_FETCHED
from csp.match import Decision, Request, decide
from csp.policy import Policy, parse_list
from csp.reported import Reported, requests


class Verdict(NamedTuple):
    """consistent, and `reason` the directive that blocks; impossible or undecidable, and a word that says why."""

    verdict: str
    reason: str


_BARE = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]+", re.IGNORECASE)
_WEB = re.compile(r"(?:blob:)?(?:https?|wss?)://", re.IGNORECASE)
_INLINE = frozenset({"script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem",
                     "style-src-attr", "default-src"})  # fmt: skip
_EVAL = frozenset({"script-src", "script-src-elem", "default-src"})
_FITS = {
    "inline": _INLINE,
    "self": _INLINE,
    "eval": _EVAL,
    "wasm-eval": _EVAL,
    "trusted-types": frozenset({"trusted-types", "require-trusted-types-for"}),
}


def origin(url: str) -> str:
    """Of a URL that has one; any other text as it is."""
    if url.startswith("https://"):  # nearly all: a third of the time
        end = url.find("/", 8)
        return url if end < 0 else url[:end]
    return "/".join(url.split("/", 3)[:3]) if _WEB.match(url) else url


def judge(reported: Reported) -> Verdict:
    policies = parse_list(reported.policy)
    if not policies:
        return Verdict("impossible", "no-directive")
    if reported.directive not in _FITS.get(reported.kind, (reported.directive,)):
        return Verdict("impossible", "misfit")
    return _asker(reported)(policies, reported)


def _asker(reported: Reported) -> Callable[[Sequence[Policy], Reported], Verdict]:
    if reported.kind in _FITS:
        return _of_code
    if reported.directive not in CHAINS:
        return _by_name
    if reported.kind == "empty":
        return _not_named
    return _of_ancestor if reported.directive == "frame-ancestors" else _of_url


def _by_name(policies: Sequence[Policy], reported: Reported) -> Verdict:
    """A directive that matches nothing: it is there or it is not."""
    if any(reported.directive in policy.values for policy in policies):
        return Verdict("consistent", reported.directive)
    return Verdict("impossible", "no-directive")


def _of_code(policies: Sequence[Policy], reported: Reported) -> Verdict:
    found = _agreed(_decisions(policies, reported, requests(reported)), "inline-or-eval")
    if found.reason == "allowed" and reported.directive == "trusted-types" and reported.text:
        return Verdict("undecidable", "duplicate-name")
    return found


def _decisions(policies: Sequence[Policy], reported: Reported, asked: Iterable[Request]) -> Iterator[Decision]:
    return (decide(policies, reported.document, reported.directive, request) for request in asked)


def _agreed(decisions: Iterable[Decision], otherwise: str) -> Verdict:
    """What all say; `otherwise` is why they may differ."""
    found = list(decisions)
    blocking = [decision for decision in found if not decision.allowed]
    if len(blocking) == len(found):
        return Verdict("consistent", blocking[0].directive or "")
    if blocking:
        return Verdict("undecidable", otherwise)
    return Verdict("impossible", "allowed" if any(decision.directive for decision in found) else "no-directive")


_ANYWHERE = ("https://elsewhere.invalid/", "http://elsewhere.invalid/", "data:,", "blob:null/x")


def _not_named(policies: Sequence[Policy], reported: Reported) -> Verdict:
    """A policy may block whatever it was."""
    own = [reported.document] if _WEB.match(reported.document) else []
    anything = [Request(url=url, ancestors=(url,), parser_inserted=True) for url in (*own, *_ANYWHERE)]
    found = _agreed(_decisions(policies, reported, anything), "not-named")
    return Verdict("undecidable", "not-named") if found.reason == "allowed" else found


def _of_ancestor(policies: Sequence[Policy], reported: Reported) -> Verdict:
    """Chromium names the ancestor, Firefox nothing, WebKit the framed document."""
    if reported.kind != "url" or origin(reported.blocked) == reported.document:
        return _not_named(policies, reported)
    return _agreed(_decisions(policies, reported, requests(reported)), "scheme-unknown")


def _of_url(policies: Sequence[Policy], reported: Reported) -> Verdict:
    asked = requests(reported)
    if not asked:
        return Verdict("undecidable", "unreadable")
    found = _in_every_case(policies, reported, _open_cases(reported, asked))
    if found.reason == "allowed":
        if "{" in reported.blocked and "%7B" in reported.policy:
            return Verdict("undecidable", "path-removed")  # two secrets that were taken out look alike
        if _may_redirect(policies, reported, asked[0].url):
            return Verdict("undecidable", "redirect")
    return found


_DOCUMENTS = ("https://document.invalid", "http://document.invalid")


class _Case(NamedTuple):
    document: str
    request: Request
    redirected: bool
    parser_inserted: bool


def _open_cases(reported: Reported, asked: list[Request]) -> dict[str, Sequence[str | Request | bool]]:
    """The fields of _Case, each with the values it may have; by the word for not knowing which."""
    bare = bool(_BARE.fullmatch(reported.blocked))
    known = bool(_WEB.match(reported.document))
    return {
        "document-unknown": [reported.document] if known else [*_DOCUMENTS, origin(asked[0].url)],
        "scheme-unknown": asked,
        "path-removed" if bare else "truncated": [False, True] if bare or reported.cut else [False],
        "strict-dynamic": [True, False] if "'strict-dynamic'" in reported.policy.lower() else [True],
    }


def _in_every_case(
    policies: Sequence[Policy], reported: Reported, axes: dict[str, Sequence[str | Request | bool]]
) -> Verdict:
    def decided(*values: str | Request | bool) -> Decision:
        case = _Case(*values)  # type: ignore[arg-type]
        request = msgspec.structs.replace(
            case.request, redirected=case.redirected, parser_inserted=case.parser_inserted
        )
        return decide(policies, case.document, reported.directive, request)

    found = _agreed(itertools.starmap(decided, itertools.product(*axes.values())), "")
    if found.verdict != "undecidable":
        return found
    first = [values[0] for values in axes.values()]
    usual = decided(*first).allowed
    for index, (word, values) in enumerate(axes.items()):
        if any(decided(*first[:index], value, *first[index + 1 :]).allowed != usual for value in values[1:]):
            return found._replace(reason=word)
    return found._replace(reason=next(word for word, values in axes.items() if len(values) > 1))


def _may_redirect(policies: Sequence[Policy], reported: Reported, url: str) -> bool:
    """Browsers report the URL before a redirect, so that a policy can allow it and block what came of it.

    A file without a query is taken for what it looks like: it can redirect too, but hardly any does. Of frames browsers
    name the last URL, when they leave nothing but its origin.
    """
    if reported.directive in NOT_FETCHED or not url.lower().startswith(("http://", "https://")):
        return False
    anywhere = [Request(url=target, redirected=True, parser_inserted=True) for target in _ANYWHERE[:2]]
    if all(decision.allowed for decision in _decisions(policies, reported, anywhere)):
        return False
    if _BARE.fullmatch(reported.blocked):
        return reported.directive not in FRAMES
    return not reported.file
