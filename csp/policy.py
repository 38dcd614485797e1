"""Serialized policies and lists of them, read as CSP3 §2.2.1 and §2.2.2 say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from csp.fallback import CHAINS
from csp.sources import Sources, compile_sources

WHITE = "\t\n\f\r "  # Infra's ASCII white space: vertical tab and no-break space are none
_CACHED = 8192  # characters; compiled, a policy takes up to thirty times that


class Directive(NamedTuple):
    name: str  # in lower case
    values: tuple[str, ...]  # as written


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Never changes, so that it can be kept and shared; equal to itself only."""

    directives: tuple[Directive, ...]
    values: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, Sources]  # of the directives whose value is a source list
    has_paths: bool  # some source of them has one, so that more than a URL's origin counts

    def __str__(self) -> str:
        return "; ".join(" ".join((directive.name, *directive.values)) for directive in self.directives)


def parse(text: str) -> Policy:
    """One serialized policy, as in <meta> or in a report. Never fails: what can't be read is skipped."""
    return _parsed(text) if len(text) <= _CACHED else _parsed_long(text)


def parse_list(text: str) -> tuple[Policy, ...]:
    """A header's value. Those without a directive are none (§2.2.2 step 2.2)."""
    return tuple(policy for policy in map(parse, text.split(",")) if policy.directives)


def tokens(text: str) -> Iterator[str]:
    """What stands between semicolons, without the empty ones."""
    for token in text.split(";"):
        if stripped := token.strip(WHITE):
            yield stripped


def directive(token: str) -> Directive:
    """No-break space and vertical tab would end a word for str.split."""
    for white in WHITE[:-1]:
        token = token.replace(white, " ")
    name, *values = filter(None, token.split(" "))
    return Directive(name.lower(), tuple(values))


def clipped(text: str, most: int) -> str:
    """For sentences about it: its first `most` characters, and … where it is longer."""
    return text if len(text) <= most else text[:most] + "…"


def _parse(text: str) -> Policy:
    found: dict[str, tuple[str, ...]] = {}
    for token in tokens(text):
        if token.isascii():  # the whole directive goes, not just the expression
            name, values = directive(token)
            found.setdefault(name, values)  # the first one wins
    sources = {name: compile_sources(values) for name, values in found.items() if name in CHAINS}
    return Policy(
        tuple(Directive(name, values) for name, values in found.items()),
        found,
        sources,
        any(its.has_paths for its in sources.values()),
    )


_parsed = lru_cache(maxsize=256)(_parse)
_parsed_long = lru_cache(maxsize=1)(_parse)  # a verdict asks several times
