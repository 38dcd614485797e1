"""What its author may not have meant: findings about a policy. They change no decision."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from csp.fallback import CHAINS, OTHERS
from csp.policy import Directive, clipped, directive, tokens
from csp.sources import compile_sources, host_source, is_source

KEYWORDS = frozenset(
    {
        "none",
        "self",
        "unsafe-inline",
        "unsafe-eval",
        "strict-dynamic",
        "unsafe-hashes",
        "report-sample",
        "unsafe-allow-redirects",
        "wasm-unsafe-eval",
        "trusted-types-eval",
        "report-sha256",
        "report-sha384",
        "report-sha512",
        "unsafe-webtransport-hashes",
        "inline-speculation-rules",  # of the speculation rules, Chromium only
    }
)
DEPRECATED = {
    "allow": "it was replaced by default-src",
    "block-all-mixed-content": "browsers block mixed content anyway, or upgrade it",
    "navigate-to": "it was taken out of the specification, and no browser enforces it",
    "options": "it was replaced by 'unsafe-inline' and 'unsafe-eval'",
    "plugin-types": "it was taken out of the specification; object-src 'none' blocks plugins",
    "policy-uri": "it was taken out of the specification",
    "prefetch-src": "it was taken out of the specification; default-src governs prefetching",
    "referrer": "the Referrer-Policy header replaced it",
    "reflected-xss": "it was taken out of the specification",
    "report-uri": "report-to replaces it; keep both, as some browsers know only one",
    "require-sri-for": "it was taken out of the specification",
}
_SCRIPT = frozenset({"script-src", "script-src-elem", "script-src-attr", "default-src"})
_SHOWN = 80  # characters of a name or a value


class Problem(NamedTuple):
    where: str  # the directive, or "policy"
    what: str


def problems(text: str) -> list[Problem]:
    """Of a header's value, in the order in which it is written."""
    parts = [part for part in text.split(",") if any(tokens(part))] or [""]
    found = [Problem("policy", _several(len(parts)))] if "," in text else []
    for part in parts:
        found += _of_policy(part)
    return found


def _several(count: int) -> str:
    if count == 1:
        return "a comma ends a policy, and nothing stands on its other side"
    return f"the commas make {count} policies of it, and all of them have to allow a request"


def _of_policy(text: str) -> Iterator[Problem]:
    seen: dict[str, tuple[str, ...]] = {}
    for token in tokens(text):
        found = directive(token)
        if not token.isascii():
            yield Problem(clipped(found.name, _SHOWN), "it has a character outside ASCII, so browsers skip all of it")
        elif found.name in seen:
            yield Problem(found.name, "it is there twice, and only the first counts")
        else:
            seen[found.name] = found.values
            yield from _of_directive(found)
    if not seen:
        yield Problem("policy", "it has no directive, so it allows everything")
    elif "report-uri" in seen and "report-to" not in seen:
        yield Problem("report-uri", DEPRECATED["report-uri"])
    elif "report-to" in seen and "report-uri" not in seen:
        yield Problem("report-to", "some browsers know only report-uri; keep both")


def _of_directive(found: Directive) -> Iterator[Problem]:
    name = found.name
    if name in DEPRECATED and name != "report-uri":
        yield Problem(name, DEPRECATED[name])
    elif name not in CHAINS and name not in OTHERS:
        yield Problem(clipped(name, _SHOWN), _unknown(name))
    if name in CHAINS:
        yield from _of_sources(found)
    elif name == "report-to" and len(found.values) != 1:
        yield Problem(name, "it takes one endpoint's name")
    elif name == "report-uri" and not found.values:
        yield Problem(name, "it names no place to report to")
    elif name in {"upgrade-insecure-requests", "block-all-mixed-content"} and found.values:
        yield Problem(name, "it takes no value")


def _unknown(name: str) -> str:
    bare = name.strip(":'\"")
    if bare != name and (bare in CHAINS or bare in OTHERS):
        return f"browsers know no such directive; {bare} was meant?"
    return "browsers know no such directive, and skip it"


def _of_sources(found: Directive) -> Iterator[Problem]:
    name, values = found
    others = {value.lower() for value in values} - {"'none'", "'report-sample'"}
    if others and any(value.lower() == "'none'" for value in values):
        yield Problem(name, "'none' counts only alone")
    if not values and name != "default-src":
        yield Problem(name, "without a value it is the same as 'none'")
    for value in values:
        if what := _of_value(value):
            yield Problem(name, f"{clipped(value, _SHOWN)}: {what}")
    yield from _cancelled(name, values)


def _of_value(value: str) -> str:
    """What is wrong with one source expression; empty if nothing is."""
    lower = value.lower()
    if value.startswith("'"):
        return "" if lower[1:-1] in KEYWORDS and value.endswith("'") else _of_quoted(value)
    if lower in KEYWORDS or lower.partition("-")[0] in {"nonce", "sha256", "sha384", "sha512"}:
        return "without quotes it is a host's name"
    if lower in CHAINS or lower in OTHERS:
        return "this directive's name stands where a host should; a semicolon is missing before it?"
    if not is_source(value):
        return "no source expression; it matches nothing"
    if ("?" in value or "#" in value) and host_source(value):
        return "the query or fragment is ignored"
    return ""


def _of_quoted(value: str) -> str:
    if is_source(value):
        return ""
    lower = value.lower()
    if lower.startswith("'nonce-"):
        return "not a nonce: letters, digits, + / - _ and up to two = at the end, in quotes"
    if lower.startswith("'sha"):
        return "not a hash: sha256-, sha384- or sha512-, and base64, in quotes"
    return "browsers know no such keyword; it matches nothing"


def _cancelled(name: str, values: Sequence[str]) -> Iterator[Problem]:
    sources = compile_sources(values)
    strict = "strict-dynamic" in sources.keywords and name in _SCRIPT
    if "unsafe-inline" in sources.keywords and (sources.nonces or sources.hashes or strict):
        why = "nonce or hash" if sources.nonces or sources.hashes else "'strict-dynamic'"
        where = "" if name != "default-src" or sources.nonces or sources.hashes else " for scripts"
        yield Problem(name, f"'unsafe-inline' is ignored{where} because of the {why}")
    if strict and (sources.star or sources.own or sources.schemes or sources.hosts):
        yield Problem(name, "'strict-dynamic' makes browsers ignore hosts, schemes and 'self' for scripts")
    if strict and not (sources.nonces or sources.hashes):
        yield Problem(name, "'strict-dynamic' without a nonce or hash lets no first script in")
