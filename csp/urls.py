"""What matching needs of a URL and of a document, read by the WHATWG parser."""

import re
from functools import lru_cache
from typing import NamedTuple

from ada_url import normalize_url

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
_CACHED = 2048  # longer ones are rare, and a cache of them would be large
# What their schemes name is no place that a document's own scheme could stand for (Firefox and Chromium's `*`).
_PLACELESS = frozenset({"about", "blob", "data", "filesystem", "javascript"})
# Cuts what the parser has written, where each delimiter stands once: a part asked of it costs as much as the parsing.
_PARTS = re.compile(r"([^:]+):(?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/:?#]*)(?::([0-9]+))?)?([^?#]*)")
_LOCAL = frozenset({"about", "blob", "data"})


class Url(NamedTuple):
    scheme: str
    host: str  # empty where the URL standard says null, and in file:///
    port: int | None  # None: the scheme's own
    path: str


class Document(NamedTuple):
    """`scheme`, `host` and `port` are the origin's, and empty if that is opaque (data:, file:, srcdoc, sandboxed)."""

    scheme: str = ""
    host: str = ""
    port: int | None = None
    own_scheme: str = ""  # what `*` covers besides the network schemes
    local: bool = False  # of Fetch's local schemes: it was not loaded from anywhere


OPAQUE = Document()


def read_url(text: str) -> Url | None:
    """None for what no browser would take for an absolute URL."""
    return _url(text) if len(text) <= _CACHED else _read_url(text)


def read_document(text: str) -> Document:
    """The document's URL as the self-origin of §2.2. Anything that is no URL is an opaque origin ("null", "data")."""
    return _document(text) if len(text) <= _CACHED else _read_document(text)


def effective_port(url: Url | Document) -> int | None:
    return DEFAULT_PORTS.get(url.scheme) if url.port is None else url.port


def upgraded(url: Url) -> Url:
    """As `upgrade-insecure-requests` makes Fetch rewrite it, before any enforced policy is asked."""
    if url.scheme in {"http", "ws"}:
        return url._replace(scheme=url.scheme + "s", port=None if url.port == 443 else url.port)
    return url


def _read_url(text: str) -> Url | None:
    try:
        normal = normalize_url(text)
    except (ValueError, UnicodeError):  # a lone surrogate is not even text
        return None
    parts = _PARTS.match(normal)
    assert parts  # every serialized URL has a scheme
    scheme, host, port, path = parts.groups()
    return Url(scheme, (host or "").lower(), int(port) if port else None, path)  # an opaque host keeps its case


def _read_document(text: str) -> Document:
    url = read_url(text)
    if url is None:
        return OPAQUE
    own_scheme = "" if url.scheme in _PLACELESS else url.scheme
    local = url.scheme in _LOCAL
    if url.scheme == "blob":  # its origin is that of the URL inside
        url = read_url(url.path)
        if url is None or url.scheme not in {"http", "https"}:
            return Document(local=True)
    if url.scheme not in DEFAULT_PORTS:
        return Document(own_scheme=own_scheme, local=local)
    return Document(url.scheme, url.host, url.port, url.scheme, local)


_url = lru_cache(maxsize=4096)(_read_url)
_document = lru_cache(maxsize=2048)(_read_document)
