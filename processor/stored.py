"""A URL as it is stored, taken apart again: what noise rules look at, now and whenever they are changed."""

import re
from typing import NamedTuple

import msgspec

from csp.verdict import origin
from schema.violation import Violation


class Place(NamedTuple):
    """A bare word ("chrome-extension", "nikkomsgchannel") may be a scheme or a host, and is both."""

    scheme: str = ""
    host: str = ""
    path: str = ""


_NOWHERE = Place()


class Origins(msgspec.Struct, gc=False):
    """Of what is stored, as csp.verdict has them. Whoever normalises knows them; to find them takes some µs."""

    blocked: str
    source: str
    document: str


def origins_of(violation: Violation) -> Origins:
    return Origins(*map(origin, (violation.blocked_url, violation.source_file, violation.document_url)))


def parts(text: str) -> tuple[str, str, str]:
    """Scheme, authority and path, as a first look has them: it is taken at every report. Free text gives anything."""
    head, found, rest = text.partition("//")
    if found and (not head or head[-1] == ":"):
        authority, slash, path = rest.partition("/")
        return head.partition(":")[0], authority, slash + path  # of a URL around another, the inner one's authority
    authority, slash, path = text.partition("/")
    return "" if slash else authority.partition(":")[0], authority, slash + path


def place(text: str) -> Place:
    """Of `document_url`, `blocked_url` or `source_file`. Free text is nowhere."""
    if not text or " " in text:
        return _NOWHERE
    scheme, authority, path = parts(text)
    return Place(scheme, host_of(authority), path)


_HOST = re.compile(r"\[([^\]\\?]*)|([^\\?:]*)")


def host_of(authority: str) -> str:
    """Without its port, or brackets."""
    found = _HOST.match(authority)
    assert found is not None  # it takes whatever there is
    return found[1] or found[2] or ""
