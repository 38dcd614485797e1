"""Does the report's own policy block what the report says was blocked? A verdict, and the reason in a word. Pure.

A browser reports what its policy blocked. Where that same policy allows it, the report is an extension's doing, a bug
or a forgery. Where the report leaves out what decides, every case it leaves open is asked: they agree, or nobody knows.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from csp.fallback import CHAINS
from csp.match import Decision, Request, decide
from csp.others import OTHER_CHECKS
from csp.policy import Policy, parse_list
from processor.directives import KNOWN
from processor.policy import MOST_DIRECTIVES, POLICY_BYTES
from processor.urls import URL_BYTES
from schema.violation import Violation


class Verdict(NamedTuple):
    """`reason`: of a consistent report the directive that blocks, else one of schema.verdicts.REASONS."""

    verdict: str
    reason: str


class _Report(NamedTuple):
    """What decides, and what the caches know a question by."""

    policy: str
    directive: str
    kind: str
    blocked: str  # as stored; of a URL only the origin where no source has a path
    bare: bool  # it has no path: nothing behind the host
    file: bool  # it looks like a static file: hardly any redirects
    document: str  # its origin; its URL where that has none
    text: str  # of an inline element, all of it; the name of a Trusted Types policy


def verdict(violation: Violation, policy: str, blocked: str) -> Verdict:
    """`violation` is complete but for what is made of it; `policy` and `blocked` are as the browser sent them."""
    if not violation.original_policy:
        return Verdict("undecidable", "no-policy")
    if len(policy) > POLICY_BYTES or policy.count(";") > MOST_DIRECTIVES:
        return Verdict("undecidable", "truncated")
    url = violation.blocked_url
    report = _Report(
        violation.original_policy,
        violation.effective_directive,
        violation.blocked_kind,
        url if violation.blocked_kind != "url" or _has_paths(violation.original_policy) else _origin(url),
        bool(_BARE.fullmatch(url)),
        "?" not in blocked and bool(_STATIC.search(url)),
        _origin(violation.document_url),
        _text(violation),
    )
    return _cached(report) if len(report.blocked) + len(report.document) <= _CACHED else _judge(report)


@lru_cache(maxsize=512)
def _has_paths(policy: str) -> bool:
    """Mostly none has, and then a cache of origins answers for every URL there."""
    return any(
        host.path is not None
        for its in parse_list(policy)
        for sources in its.sources.values()
        for hosts in sources.hosts.values()
        for host in hosts
    )


_CACHED = 1024  # longer ones are rare, and a cache of them would be large
_SAMPLE = 40  # characters: where browsers cut
_BARE = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]+", re.IGNORECASE)
_STATIC = re.compile(
    r"/[^/]+\.(?:m?js|css|map|json|xml|txt|html?|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|[ot]tf|eot|wasm|pdf"
    r"|mp[34]|m4[av]|web[am]|og[agv]|wav|vtt)\Z",
    re.IGNORECASE,
)
_WEB = re.compile(r"(?:blob:)?(?:https?|wss?)://", re.IGNORECASE)


def _origin(document: str) -> str:
    return "/".join(document.split("/", 3)[:3]) if _WEB.match(document) else document


def _text(violation: Violation) -> str:
    """Only a sample that was not cut is all of the text, and only an element's text is what a hash covers."""
    if violation.blocked_kind == "trusted-types":
        return violation.sample
    is_whole = violation.effective_directive.endswith("-elem") and 0 < len(violation.sample) < _SAMPLE
    return violation.sample if is_whole and "'sha" in violation.original_policy.lower() else ""


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


def _judge(report: _Report) -> Verdict:
    policies = parse_list(report.policy)
    if report.directive not in KNOWN:
        return Verdict("undecidable", "directive-unknown")
    if not policies:
        return Verdict("impossible", "no-directive")
    if report.directive not in CHAINS and report.directive not in OTHER_CHECKS:
        return _by_name(policies, report.directive)
    if report.directive not in _FITS.get(report.kind, (report.directive,)):
        return Verdict("impossible", "misfit")
    return _of_kind(policies, report)


_cached = lru_cache(maxsize=16_384)(_judge)


def _by_name(policies: Sequence[Policy], directive: str) -> Verdict:
    """A directive that matches nothing: it is there or it is not."""
    if any(directive in policy.values for policy in policies):
        return Verdict("consistent", directive)
    return Verdict("impossible", "no-directive")


def _of_kind(policies: Sequence[Policy], report: _Report) -> Verdict:
    if report.kind in {"inline", "eval", "wasm-eval", "self"}:
        return _agreed(_decisions(policies, report, _CODE[report.kind](report)), "inline-or-eval")
    if report.kind == "trusted-types":
        found = _agreed(_decisions(policies, report, [Request(text=report.text)]), "")
        duplicate = found.reason == "allowed" and report.directive == "trusted-types" and bool(report.text)
        return Verdict("undecidable", "duplicate-name") if duplicate else found
    if report.directive in OTHER_CHECKS:
        return _by_name(policies, report.directive)
    if report.directive == "frame-ancestors":
        return _of_ancestor(policies, report)
    return _of_url(policies, report)


# Inline scripts are judged as the parser's: what 'strict-dynamic' lets in besides, no browser reports.
_CODE: Mapping[str, Callable[[_Report], list[Request]]] = {
    "inline": lambda report: [Request(inline=True, text=report.text, parser_inserted=True)],
    "eval": lambda _: [Request(eval=True)],
    "wasm-eval": lambda _: [Request(wasm=True)],
    "self": lambda _: [Request(inline=True, parser_inserted=True), Request(eval=True)],
}


def _decisions(policies: Sequence[Policy], report: _Report, requests: Iterable[Request]) -> Iterator[Decision]:
    return (decide(policies, report.document, report.directive, request) for request in requests)


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


def _not_named(policies: Sequence[Policy], report: _Report) -> Verdict:
    """A policy may block whatever it was."""
    own = [report.document] if _WEB.match(report.document) else []
    anything = [Request(url=url, ancestors=(url,), parser_inserted=True) for url in (*own, *_ANYWHERE)]
    found = _agreed(_decisions(policies, report, anything), "not-named")
    return Verdict("undecidable", "not-named") if found.reason == "allowed" else found


def _of_ancestor(policies: Sequence[Policy], report: _Report) -> Verdict:
    """Chromium names the ancestor, Firefox nothing, WebKit the framed document."""
    if report.kind != "url" or _origin(report.blocked) == report.document:
        return _not_named(policies, report)
    return _agreed(_decisions(policies, report, [Request(url=report.blocked, ancestors=(report.blocked,))]), "")


def _of_url(policies: Sequence[Policy], report: _Report) -> Verdict:
    urls = _urls(report)
    if report.kind == "empty":
        return _not_named(policies, report)
    if not urls:
        return Verdict("undecidable", "unreadable")
    found = _in_every_case(policies, report, _open_cases(report, urls))
    if found.reason == "allowed" and "{" in report.blocked and "%7B" in report.policy:
        return Verdict("undecidable", "path-removed")  # two secrets that were taken out look alike
    if found.reason == "allowed" and _may_redirect(policies, report, urls[0]):
        return Verdict("undecidable", "redirect")
    return found


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _urls(report: _Report) -> list[str]:
    """What was asked for: more than one where the report leaves the scheme open, none where it can't be read."""
    text = report.blocked
    if _HAS_SCHEME.match(text):
        return [text]
    if report.kind == "url":
        return [f"{scheme}://{text.removeprefix('//')}" for scheme in ("https", "http")]
    return [f"{text}:x"] if _SCHEME.fullmatch(text) else []  # CSP3 §5.4 leaves nothing but the scheme


class _Case(NamedTuple):
    document: str
    url: str
    redirected: bool
    parser_inserted: bool


def _open_cases(report: _Report, urls: list[str]) -> dict[str, Sequence[str | bool]]:
    """The fields of _Case, each with the values it may have; by the word for not knowing which."""
    shortened = report.bare or len(report.blocked) >= URL_BYTES // 4
    return {
        "document-unknown": [report.document] if _WEB.match(report.document) else [*_DOCUMENTS, _origin(urls[0])],
        "scheme-unknown": urls,
        "path-removed" if report.bare else "truncated": [False, True] if shortened else [False],
        "strict-dynamic": [True, False] if "'strict-dynamic'" in report.policy.lower() else [True],
    }


_DOCUMENTS = ("https://document.invalid", "http://document.invalid")


def _in_every_case(policies: Sequence[Policy], report: _Report, axes: dict[str, Sequence[str | bool]]) -> Verdict:
    def decided(*values: str | bool) -> Decision:
        case = _Case(*values)  # type: ignore[arg-type]
        request = Request(url=case.url, redirected=case.redirected, parser_inserted=case.parser_inserted)
        return decide(policies, case.document, report.directive, request)

    found = _agreed(itertools.starmap(decided, itertools.product(*axes.values())), "")
    if found.verdict != "undecidable":
        return found
    first = [values[0] for values in axes.values()]
    usual = decided(*first).allowed
    for index, (word, values) in enumerate(axes.items()):
        if any(decided(*first[:index], value, *first[index + 1 :]).allowed != usual for value in values[1:]):
            return found._replace(reason=word)
    return found._replace(reason=next(word for word, values in axes.items() if len(values) > 1))


# What is not fetched, and frames, of which browsers name the last URL when they leave nothing but its origin.
_NOT_REDIRECTED = frozenset({"base-uri", "frame-ancestors"})
_FRAMES = frozenset({"frame-src", "child-src", "fenced-frame-src", "object-src"})


def _may_redirect(policies: Sequence[Policy], report: _Report, url: str) -> bool:
    """Browsers report the URL before a redirect, so that a policy can allow it and block what came of it.

    A file without a query is taken for what it looks like: it can redirect too, but hardly any does.
    """
    if report.directive in _NOT_REDIRECTED or not url.lower().startswith(("http://", "https://")):
        return False
    anywhere = [Request(url=target, redirected=True, parser_inserted=True) for target in _ANYWHERE[:2]]
    if all(decision.allowed for decision in _decisions(policies, report, anywhere)):
        return False
    if report.bare:
        return report.directive not in _FRAMES
    return not report.file
