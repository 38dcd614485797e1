"""Noise rules as data: what a rule may say (docs/noise.md; `schema.noise_files` reads them).

A rule says why a violation is not the site's own doing, and when that is so. All conditions it has must hold; a
condition with several values holds for any of them. Of several rules that hold, the first in the file counts.
"""

import msgspec

PLACES = ("blocked", "source", "document")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """`id`, `category` and `reason` every rule has; the others but `documented` and `places` are its conditions."""

    id: str
    category: str  # one of schema.names.NOISE
    reason: str  # a sentence for people
    documented: str = ""  # where this can be read up
    # A URL with this scheme, on this host or below it, with a path that begins so, in one of `places`: all of one URL.
    # A bare word is its own scheme and host. A host is none of these on a page that is itself on it or below it.
    scheme: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    places: tuple[str, ...] = ()  # none: any of PLACES; of a rule with hosts "blocked" and "source"
    local_document: bool = False  # a file, or on this machine or a private network, unless the site names that host
    directives: tuple[str, ...] = ()  # a name stands for its -elem and -attr, too
    unknown_directive: bool = False
    blocked_kinds: tuple[str, ...] = ()
    sample: str = ""  # an expression to be found in the sample
    browser: tuple[str, ...] = ()  # as the violation has it
    since: int = 0  # the browser's major version, this one or later
    below: int = 0  # earlier than this one; one that isn't said is 0
    os: tuple[str, ...] = ()

    def looks_at(self) -> tuple[str, ...]:
        """The places in which it looks for its URL."""
        if self.places or not (self.scheme or self.host):
            return self.places
        return PLACES[:2] if self.host else PLACES


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file: its rules, in order, and the version that is stored with each violation."""

    version: str
    rules: tuple[Rule, ...]


class BadRules(Exception):
    """The rules can't be used: one sentence with the place, the rule, the key and what would be right."""
