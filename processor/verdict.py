"""The verdict on a violation: its own policy is asked, and what was asked before is remembered. Pure."""

import re
from functools import lru_cache

import msgspec

from csp.policy import parse_list
from csp.reported import Reported, as_reported
from csp.verdict import Verdict, judge
from processor.directives import KNOWN
from processor.policy import MOST_DIRECTIVES, POLICY_BYTES
from processor.stored import Origins, origins_of
from processor.urls import URL_BYTES
from schema.violation import Violation

_CACHED = 6144  # characters of all that decides, times 8192: longer ones are rare
_MOST_PARTS = 2000  # sources and policies of a header
_SAMPLE = 40  # characters: where browsers cut
_STATIC = re.compile(
    r"/[^/]+\.(?:m?js|css|map|json|xml|txt|html?|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|[ot]tf|eot|wasm|pdf"
    r"|mp[34]|m4[av]|web[am]|og[agv]|wav|vtt)\Z",
    re.IGNORECASE,
)
_REDIRECTOR = re.compile(r"/[^/]*(?:redir|proxy|goto|avatar|outbound)[^/]*/", re.IGNORECASE)


def verdict(violation: Violation, policy: str, blocked: str, origins: Origins | None = None) -> Verdict:
    """`violation` is complete but for what is made of it; `policy` and `blocked` are as the browser sent them."""
    written, directive, kind = violation.original_policy, violation.effective_directive, violation.blocked_kind
    if not written:
        return Verdict("undecidable", "no-policy")
    many = len(policy) > MOST_DIRECTIVES and policy.count(";") > MOST_DIRECTIVES
    if many or (len(policy) + len(written) > _MOST_PARTS and _is_long(policy, written)):
        return Verdict("undecidable", "truncated")
    if directive not in KNOWN:
        return Verdict("undecidable", "directive-unknown")
    origins = origins or origins_of(violation)
    url, document = violation.blocked_url, origins.document
    asked = _asked_about(url, origins.blocked, violation) if kind == "url" else url
    text = _text(violation) if violation.sample else ""
    cut = len(url) >= URL_BYTES // 4 and len(url.encode()) > URL_BYTES - 4
    as_enforced = Reported(written, directive, kind, asked, document, text, cut)
    if violation.disposition != "enforce" and url.startswith(("http:", "ws:")):
        return _of_either(as_enforced, violation, blocked)
    if len(written) + len(url) + len(document) + len(text) <= _CACHED:
        found = _cached(as_enforced)
        if found.reason != "redirect":  # nearly all
            return found
    return _judged(as_enforced, url, blocked)


def _of_either(as_enforced: Reported, violation: Violation, blocked: str) -> Verdict:
    """Whether a URL was upgraded first tells the disposition, which old browsers and WebKit leave out."""
    policy = as_reported(as_enforced.policy)
    found = _judged(msgspec.structs.replace(as_enforced, policy=policy), violation.blocked_url, blocked)
    if violation.disposition or policy == as_enforced.policy:
        return found
    if found.verdict == _judged(as_enforced, violation.blocked_url, blocked).verdict:
        return found
    return Verdict("undecidable", "disposition-unknown")


def _asked_about(url: str, start: str, violation: Violation) -> str:
    """What stands for `url` where its policy can't tell the two apart, so that what is remembered answers for many.

    Mostly no source has a path, so the path says nothing; and a policy treats alike all hosts that it doesn't name.
    """
    policy = violation.original_policy
    names = (_names if len(policy) <= _CACHED else _names_in)(policy)
    if names is None:
        return url
    host = violation.blocked_host
    its = (_domains if host.count(".") <= _FEW_DOTS else _domains_of)(host)
    if its and host != violation.document_host and names.isdisjoint(its):
        asked = start.replace(host, _STRANGER, 1)
        return asked if start == url else f"{asked}/"
    return url if start == url else f"{start}/"


def _is_long(sent: str, policy: str) -> bool:
    """Cut, or it takes longer to compile than a report may take; the longest that sites send have some 600 sources."""
    if len(sent) > POLICY_BYTES:
        return True
    return len(policy) > _MOST_PARTS and policy.count(" ") + policy.count(",") > _MOST_PARTS


_FEW_DOTS = 5  # more have few hosts, and what is remembered of one grows with their square
_STRANGER = "stranger.invalid"
_STRANGERS = frozenset({_STRANGER, "invalid"})
_DOMAIN = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]+")  # no address: those have rules of their own
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def _domains_of(host: str) -> frozenset[str]:
    """What a policy must not name for the stranger to stand for `host`: it, the domains it is in, and the stranger.

    Empty where the stranger never does.
    """
    if not _DOMAIN.fullmatch(host):
        return frozenset()
    labels = host.split(".")
    return _STRANGERS.union(".".join(labels[start:]) for start in range(len(labels)))


_domains = lru_cache(maxsize=4096)(_domains_of)  # at most 8 MB


def _names_in(policy: str) -> frozenset[str] | None:
    """Whatever could be a host in it, and more; None where a source has a path."""
    if any(its.has_paths for its in parse_list(policy)):
        return None
    if len(policy) > _CACHED or not policy.isascii():
        return _STRANGERS  # it may name any
    return frozenset(name.rstrip(".") for name in _NAME.findall(policy.lower()))


_names = lru_cache(maxsize=512)(_names_in)


def _text(violation: Violation) -> str:
    """Only a sample that was not cut is all of the text, and only an element's text is what a hash covers."""
    if violation.blocked_kind == "trusted-types":
        return violation.sample
    is_whole = violation.effective_directive.endswith("-elem") and 0 < len(violation.sample) < _SAMPLE
    return violation.sample if is_whole and "'sha" in violation.original_policy.lower() else ""


def _judged(reported: Reported, url: str, blocked: str) -> Verdict:
    """Whether it looks like a static file is asked only where that decides: it takes as long as all the rest."""
    size = len(reported.policy) + len(reported.blocked) + len(reported.document) + len(reported.text)
    judged = _cached if size <= _CACHED else judge
    found = judged(reported)
    if found.reason != "redirect" or "?" in blocked or not _STATIC.search(url) or _REDIRECTOR.search(url):
        return found
    return judged(msgspec.structs.replace(reported, file=True))


_cached = lru_cache(maxsize=8192)(judge)
