"""Source lists (CSP3 §2.3.1), compiled once so that a URL is matched by a few look-ups (§6.7.2.8)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from csp.urls import DEFAULT_PORTS, Document, Url, effective_port

ANY_PORT = -1
_NO_PORT = -2  # a number no URL can have
_NETWORK = frozenset({"http", "https", "ws", "wss"})
# §6.7.2.9, scheme-part matching: an insecure scheme also stands for its secure one, and ws(s) for http(s).
_COVERS = {
    "http": frozenset({"http", "https"}),
    "ws": frozenset({"ws", "wss", "http", "https"}),
    "wss": frozenset({"wss", "https"}),
}
_SCHEME_SOURCE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST_SOURCE = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(\*|(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.?)"
    r"(?::([0-9]+|\*))?"
    # RFC 3986's path-absolute without `;` and `,`: it can't begin with `//`, and `%` needs two digits.
    r"(/(?:(?:[A-Za-z0-9._~!$&'()*+=:@-]|%[0-9A-Fa-f]{2})(?:[A-Za-z0-9._~!$&'()*+=:@/-]|%[0-9A-Fa-f]{2})*)?)?"
)
_BASE64 = r"([A-Za-z0-9+/_-]+={0,2})'"
_NONCE = re.compile("'nonce-" + _BASE64, re.IGNORECASE)
_HASH = re.compile("'(sha256|sha384|sha512)-" + _BASE64, re.IGNORECASE)
_LONGEST_NAME = 1024  # DNS has 255; a host of nothing but dots shall not be taken apart at each of them
_QUERY_OR_FRAGMENT = re.compile(r"[?#]")
_TO_BASE64 = str.maketrans("-_", "+/")


class Host(NamedTuple):
    """A host source. What is None was not written."""

    text: str
    scheme: str | None
    host: str  # lower case; of `*.a.b` it is `.a.b`
    port: int | None
    path: tuple[bytes, ...] | None  # split at `/`, then decoded; a last empty piece says that it is a prefix


class Sources(NamedTuple):
    """The compiled value of a directive. `'none'` is no source: alone it leaves nothing, beside others no trace."""

    text: str
    star: bool
    own: bool  # 'self'
    schemes: dict[str, str]  # URL scheme: the scheme source that covers it
    hosts: dict[str, tuple[Host, ...]]  # by Host.host
    nonces: frozenset[str]
    hashes: frozenset[tuple[str, str]]  # algorithm in lower case, value as written
    keywords: frozenset[str]  # quoted words in lower case, without their quotes
    has_paths: bool


class Match(NamedTuple):
    matches: bool
    why: str  # goes on from the directive: "'self' matches", "the host differs"


def compile_sources(values: Iterable[str]) -> Sources:
    """An expression that follows no grammar matches nothing, and the rest of the list stands."""
    values = tuple(values)
    schemes: dict[str, str] = {}
    hosts: dict[str, list[Host]] = {}
    nonces, hashes, keywords = set(), set(), set()
    for value in values:
        if value.startswith("'"):
            if found := _NONCE.fullmatch(value):
                nonces.add(found[1])
            elif found := _HASH.fullmatch(value):
                hashes.add((found[1].lower(), found[2]))
            else:
                keywords.add(value.lower())
        elif found := _SCHEME_SOURCE.fullmatch(value):
            scheme = found[1].lower()
            for covered in _COVERS.get(scheme, (scheme,)):
                schemes.setdefault(covered, value)
        elif value != "*" and (host := host_source(value)):
            hosts.setdefault(host.host, []).append(host)
    return Sources(
        " ".join(values),
        "*" in values,
        "'self'" in keywords,
        schemes,
        {name: tuple(named) for name, named in hosts.items()},
        frozenset(nonces),
        frozenset(hashes),
        frozenset(word[1:-1] for word in keywords if word.endswith("'") and len(word) > 2),
        any(host.path is not None for its in hosts.values() for host in its),
    )


def host_source(text: str) -> Host | None:
    """None if it follows no grammar. Chromium and Firefox both cut at a query or fragment before they look."""
    found = _HOST_SOURCE.fullmatch(_QUERY_OR_FRAGMENT.split(text, maxsplit=1)[0])
    if not found:
        return None
    scheme, host, port, path = found.groups()
    return Host(
        text,
        scheme.lower() if scheme else None,
        host.lower().removeprefix("*") if host != "*" else "*",
        _port(port) if port else None,
        tuple(unquote_to_bytes(piece) for piece in path.split("/")) if path else None,
    )


def is_source(text: str) -> bool:
    """Whether it is a scheme, host, nonce or hash source, or `*`."""
    return bool(_SCHEME_SOURCE.fullmatch(text) or _NONCE.fullmatch(text) or _HASH.fullmatch(text) or host_source(text))


def _port(text: str) -> int:
    digits = text.lstrip("0") or "0"
    if text == "*":
        return ANY_PORT
    return int(digits) if len(digits) <= 5 else _NO_PORT


def as_base64(value: str) -> str:
    """Base64url and base64 are one for inline hashes (§6.7.3.3)."""
    return value.translate(_TO_BASE64)


def match_url(sources: Sources, url: Url | None, document: Document, redirected: bool) -> Match:
    """§6.7.2.7: does the URL match the source list?"""
    if url is None:
        return Match(False, "what was requested is no absolute URL")
    scheme = url.scheme
    if sources.star and (scheme in _NETWORK or (scheme == document.own_scheme and scheme)):
        return Match(True, "* matches")
    if sources.own and _is_own(url, document):
        return Match(True, "'self' matches")
    if scheme in sources.schemes:
        return Match(True, f"{sources.schemes[scheme]} matches")
    differs = _Differs()
    if url.host and sources.hosts:
        for host in _named(sources.hosts, url.host):
            stage = _match_host(host, url, document, redirected)
            if stage == "":
                return Match(True, f"{host.text} matches")
            differs.note(stage)
    return Match(False, differs.said or _nothing(sources, url))


class _Differs:
    """Of several sources with the right host, what kept the nearest from matching."""

    _ORDER = ("", "scheme", "port", "path")

    def __init__(self) -> None:
        self.stage = 0

    def note(self, stage: str) -> None:
        self.stage = max(self.stage, self._ORDER.index(stage))

    @property
    def said(self) -> str:
        return f"the {self._ORDER[self.stage]} differs" if self.stage else ""


def _nothing(sources: Sources, url: Url) -> str:
    if not (sources.star or sources.own or sources.schemes or sources.hosts):
        return "it matches no URL"
    if url.host and (sources.hosts or sources.own):
        return "the host differs"
    return f"no source covers {url.scheme}:"


def _named(hosts: dict[str, tuple[Host, ...]], host: str) -> Iterable[Host]:
    """§6.7.2.10, host-part matching, by looking up what could match: the name itself, each `.parent`, `*`.

    The text has no address but 127.0.0.1 match; Chromium and Firefox compare every host as text.
    """
    yield from hosts.get(host, ())
    dot = host.find(".", max(0, len(host) - _LONGEST_NAME))
    while dot >= 0:
        yield from hosts.get(host[dot:], ())
        dot = host.find(".", dot + 1)
    yield from hosts.get("*", ())


def _match_host(source: Host, url: Url, document: Document, redirected: bool) -> str:
    """§6.7.2.8 step 3, of a source whose host matches. Empty if it matches, else the part that differs."""
    scheme = document.scheme if source.scheme is None else source.scheme
    if url.scheme != scheme and url.scheme not in _COVERS.get(scheme, ()):
        return "scheme"
    if not _match_port(source.port, url):
        return "port"
    if source.path is not None and not redirected and not _match_path(source.path, url.path):
        return "path"
    return ""


def _match_port(port: int | None, url: Url) -> bool:
    """§6.7.2.11; and port 80 stands for 443 too, as http: does for https: (Firefox and WebKit; Chromium only where the
    scheme was upgraded).
    """
    if port in {ANY_PORT, url.port}:
        return True
    if port is None:
        return False
    if url.port is None and port == DEFAULT_PORTS.get(url.scheme):
        return True
    return port == 80 and url.scheme in {"https", "wss"} and effective_port(url) == 443


def _match_path(wanted: tuple[bytes, ...], path: str) -> bool:
    """§6.7.2.12."""
    if wanted == (b"", b"") and not path:
        return True
    pieces = _pieces(path)
    if wanted[-1] == b"":  # it ended with `/`: whatever follows
        length = len(wanted) - 1
        return len(pieces) > length and pieces[:length] == wanted[:length]
    return pieces == wanted


@lru_cache(maxsize=16)
def _pieces(path: str) -> tuple[bytes, ...]:
    """Once a URL, however many sources it is held against."""
    return tuple(unquote_to_bytes(piece) for piece in path.split("/"))


def _is_own(url: Url, document: Document) -> bool:
    """§6.7.2.8 step 4. A blob: URL has its maker's origin, but no host: no engine lets `'self'` match it."""
    if not document.host or url.host != document.host:
        return False
    if url.port != document.port and not (
        effective_port(url) == DEFAULT_PORTS.get(url.scheme)
        and effective_port(document) == DEFAULT_PORTS.get(document.scheme)
    ):
        return False
    return (
        url.scheme == document.scheme
        or url.scheme in {"https", "wss"}
        or (document.scheme == "http" and url.scheme == "ws")
    )
