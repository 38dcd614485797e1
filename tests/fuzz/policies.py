"""Policies: parsed, spelled, and asked what they allow."""

import json
import re

from csp.inline import INLINE_TYPES
from csp.lint import problems
from csp.match import Request, decide
from csp.policy import parse, parse_list
from processor.policy import POLICY_BYTES
from processor.policy import policy as spelled
from sentinel import matching
from tests.fuzz.pieces import pieces, text

_NONCE = re.compile(r"'nonce-[^'\s;,]*'?")
_INLINE = ("", *sorted(INLINE_TYPES))


def policy(data: bytes) -> None:
    """What was read reads the same again, and so does what is stored of it."""
    whole = text(data)
    found = parse(whole)
    assert parse(str(found)).directives == found.directives
    names = [name for name, _ in found.directives]
    assert len(set(names)) == len(names)
    assert all(name and name == name.lower() for name in names)
    assert sum(len(each.directives) for each in parse_list(whole)) <= len(whole)
    assert all(where and what for where, what in problems(whole))
    stored = spelled(whole)
    assert len(stored.text.encode()) <= POLICY_BYTES
    assert bool(stored.text) == (len(stored.hash) == 16)
    assert spelled(whole) == stored
    assert set(_NONCE.findall(stored.text.lower())) <= {"'nonce-removed'"}


def match(data: bytes) -> None:
    """Flags, policy, document, directive and what was requested: a decision that says why, and the same each time."""
    how, listed, document, directive, url, nonce, integrity, destination, inline, ancestors = pieces(data, 10)
    flags = how[0] if how else 0
    request = Request(
        url=text(url),
        redirected=bool(flags & 1),
        nonce=text(nonce),
        integrity=text(integrity),
        parser_inserted=bool(flags & 2),
        destination=text(destination),
        ancestors=tuple(text(ancestors).split("\n")) if ancestors else None,
        inline=bool(flags & 4),
        inline_type=_INLINE[(how[1] if len(how) > 1 else 0) % len(_INLINE)],
        text=text(inline),
        eval=bool(flags & 8),
        wasm=bool(flags & 16),
    )
    policies = parse_list(text(listed))
    found = decide(policies, text(document), text(directive), request)
    assert found.why
    assert found.allowed or any(found.directive in policy.values for policy in policies)
    assert decide(policies, text(document), text(directive), request) == found


def line(data: bytes) -> None:
    """A line of `csp-sentinel match` and `parse`: an answer, or what is wrong with the line; a line either way."""
    for answer, keys in ((matching.match_line, {"allowed", "directive", "why"}),
                         (matching.parse_line, {"directives", "problems"})):  # fmt: skip
        found = matching._answer(answer, data)
        assert found.keys() == ({"error"} if "error" in found else keys)
        assert "\n" not in json.dumps(found)
