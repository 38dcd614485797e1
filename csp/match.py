"""Does a policy allow a request? The directives' checks of CSP3 §6.1 to §6.4 over the algorithms of §6.7."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from csp.fallback import CHAINS, FRAMES, NOT_FETCHED, PREFETCHED
from csp.inline import inline_type, match_eval, match_inline, match_wasm
from csp.integrity import match_integrity
from csp.others import OTHER_CHECKS
from csp.policy import Policy, clipped
from csp.sources import Match, Sources, match_url
from csp.urls import Document, Url, read_document, read_url, upgraded

_WORKERS = frozenset({"worker", "sharedworker", "serviceworker"})
_SCRIPT_LIKE = _WORKERS | {"script", "xslt", "audioworklet", "paintworklet"}
_PREFETCH = frozenset({"prefetch", "prerender"})
_UPGRADED = frozenset({"http", "ws"})
_SHOWN = 120  # characters of a directive's value, or of what is said of it


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Absent is what Fetch and HTML begin with: not redirected, no nonce, not the parser's."""

    url: str = ""
    redirected: bool = False
    nonce: str = ""
    integrity: str = ""
    parser_inserted: bool = False
    destination: str = ""  # Fetch's; counts only where the effective directive leaves it open
    ancestors: tuple[str, ...] | None = None  # origins, parent first, "null" if opaque; empty: nothing embeds it
    inline: bool = False
    inline_type: str = ""  # as in §4.2.3; absent: what the effective directive suggests
    text: str = ""  # the inline code, the whole javascript: URL, or the name of a Trusted Types policy
    eval: bool = False
    wasm: bool = False


class Decision(NamedTuple):
    allowed: bool
    directive: str | None  # the one in the policy that decided; None if none governs this
    why: str


class _Asked(NamedTuple):
    directive: str  # the effective one
    request: Request
    document: Document
    url: Url | None
    policies: Sequence[Policy]


def decide(policies: Sequence[Policy], document: str, directive: str, request: Request) -> Decision:
    """Allowed only if every policy allows it; the first that doesn't decides. Raises for no text whatever."""
    asked = _ask(policies, document, directive.lower(), request)
    decision = None
    for index, policy in enumerate(policies):
        found = _decide(policy, asked)
        if not found.allowed:
            return found if len(policies) == 1 else found._replace(why=f"policy {index + 1}: {found.why}")
        if decision is None or decision.directive is None:
            decision = found
    return decision or Decision(True, None, "there is no policy")


def _ask(policies: Sequence[Policy], document: str, directive: str, request: Request) -> _Asked:
    if request.eval or request.wasm:
        directive = "script-src"  # §4.4.1 and §4.5.1: never -elem, -attr
    url = read_url(request.url) if request.url else None
    if url is not None and url.scheme in _UPGRADED and directive not in NOT_FETCHED and _upgrades(policies):
        url = upgraded(url)
    return _Asked(directive, request, read_document(document), url, policies)


def _upgrades(policies: Sequence[Policy]) -> bool:
    """Fetch (main fetch, step 6) upgrades the URL before it asks the enforced policies."""
    return any("upgrade-insecure-requests" in policy.values for policy in policies)


def _decide(policy: Policy, asked: _Asked) -> Decision:
    effective = asked.directive
    if effective in OTHER_CHECKS:
        return _decide_other(policy, asked)
    if effective in FRAMES and asked.url is not None and asked.url.scheme == "about":
        return Decision(True, None, "about: documents are not fetched, so no policy is asked about them")
    for name in CHAINS.get(effective, ()):
        sources = policy.sources.get(name)
        if sources is not None:
            matches, why = _match(policy, name, sources, asked)
            subject = f"{name} {clipped(sources.text, _SHOWN)}" if sources.text else f"{name} without a value"
            if name != effective:
                subject = f"{effective} falls back to {subject}"
            return Decision(matches, name, f"{subject}; {clipped(why, _SHOWN)}")
    return Decision(True, None, f"no directive of the policy governs {clipped(effective, _SHOWN)}")


def _decide_other(policy: Policy, asked: _Asked) -> Decision:
    name = asked.directive
    values = policy.values.get(name)
    if values is None:
        return Decision(True, None, f"no directive of the policy governs {name}")
    allowed, why = OTHER_CHECKS[name](values, asked.request.text, asked.request.destination)
    return Decision(allowed, name, f"{clipped(' '.join((name, *values)), _SHOWN)}; {clipped(why, _SHOWN)}")


def _match(policy: Policy, name: str, sources: Sources, asked: _Asked) -> Match:
    """`sources` are those of `name`, which governs; what is checked depends on what is asked for."""
    request = asked.request
    if request.inline:
        kind = inline_type(request.inline_type, asked.directive)
        text = request.text or (request.url if kind == "navigation" else "")
        return match_inline(sources, kind, text, request.nonce, parser_inserted=request.parser_inserted)
    if request.eval:
        return match_eval(asked.policies, sources)
    if request.wasm:
        return match_wasm(sources)
    if asked.directive == "default-src":
        return _match_default(policy, sources, asked)
    if name == "script-src":  # of a worker it is the directive that decides what is checked
        return _match_script(sources, asked)
    return _CHECKS.get(asked.directive, _match_url)(sources, asked)


def _match_url(sources: Sources, asked: _Asked) -> Match:
    return match_url(sources, asked.url, asked.document, asked.request.redirected)


def _match_script(sources: Sources, asked: _Asked) -> Match:
    """§6.7.1.1; the check of the response (§6.7.1.2) is the same one with the response's URL."""
    request = asked.request
    if request.nonce and request.nonce in sources.nonces:
        return Match(True, "the nonce matches")
    if match_integrity(sources.hashes, request.integrity):
        return Match(True, "every hash of its integrity is listed")
    if "strict-dynamic" in sources.keywords:
        if request.parser_inserted:
            return Match(False, "'strict-dynamic' leaves only nonces and hashes to a script that the parser inserted")
        return Match(True, "'strict-dynamic' allows a script that the parser didn't insert")
    return _match_url(sources, asked)


def _match_style(sources: Sources, asked: _Asked) -> Match:
    """§6.1.13.1 and §6.1.14.1."""
    if asked.request.nonce and asked.request.nonce in sources.nonces:
        return Match(True, "the nonce matches")
    return _match_url(sources, asked)


def _match_worker(sources: Sources, asked: _Asked) -> Match:
    """§6.2.2.1 matches the URL only; Chromium and Firefox let `'strict-dynamic'` speak for workers as well."""
    if "strict-dynamic" in sources.keywords and not asked.request.parser_inserted:
        return Match(True, "'strict-dynamic' allows a worker that the parser didn't insert")
    return _match_url(sources, asked)


def _match_default(policy: Policy, sources: Sources, asked: _Asked) -> Match:
    """`default-src` as the effective directive says little of what is fetched: the destination may say more."""
    destination = asked.request.destination
    if destination in _SCRIPT_LIKE:
        return _match_script(sources, asked)
    if destination == "style":
        return _match_style(sources, asked)
    if destination in _PREFETCH:  # §6.7.2.2: whatever it is for, some directive has to allow it
        for name in PREFETCHED:
            if name in policy.sources and _match_url(policy.sources[name], asked).matches:
                return Match(True, f"{name} allows a {destination}")
    return _match_url(sources, asked)


def _match_ancestors(sources: Sources, asked: _Asked) -> Match:
    """§6.4.2.1: the origin of every document around this one."""
    if asked.document.local:
        return Match(True, "the document was not loaded from anywhere")
    ancestors = asked.request.ancestors
    if ancestors is None:
        ancestors = (asked.request.url,)
    for ancestor in ancestors:
        url = read_url(ancestor)
        # A URL without a host has an opaque origin. Those of extensions are none in Chromium and Firefox.
        if url is None or not url.host:
            return Match(False, "an ancestor's origin is opaque")
        match = match_url(sources, url._replace(path="/"), asked.document, redirected=False)
        if not match.matches:
            return Match(False, f"for the ancestor {ancestor} {match.why}")
    return Match(True, "every ancestor matches" if ancestors else "nothing embeds the document")


def _match_base(sources: Sources, asked: _Asked) -> Match:
    """§6.3.1.1: a base is not fetched, so nothing redirects it."""
    return match_url(sources, asked.url, asked.document, redirected=False)


_CHECKS: Mapping[str, Callable[[Sources, _Asked], Match]] = {
    "base-uri": _match_base,
    "frame-ancestors": _match_ancestors,
    "script-src": _match_script,
    "script-src-elem": _match_script,
    "style-src": _match_style,
    "style-src-elem": _match_style,
    "worker-src": _match_worker,
}
