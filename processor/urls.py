"""URLs as they are stored: their kind; without userinfo, query, fragment and secrets (rules 11 to 16, 36, 43)."""

import re
from functools import lru_cache, partial
from typing import NamedTuple

from csp.urls import DEFAULT_PORTS
from csp.verdict import origin
from processor.hosts import LONGEST, host_name, looks_like_host
from processor.schemes import KEYWORDS, KINDS
from processor.templates import template, template_of_path
from processor.text import begin, plain_words, storable
from processor.tokens import path_without_tokens, text_without_tokens

URL_BYTES = 16_384  # the longest ordinary page URL captured has 12,041
_READ = URL_BYTES + 1024  # characters looked at: to look for secrets takes a microsecond for every ten
_LONGEST_AUTHORITY = 4096  # with userinfo; a longer one was perhaps cut inside it
_CACHED = 512  # longer ones are rare, and a cache of them would be large
_PLAIN_LONGEST = 384  # whose template is not too long either

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,62}):")
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\s]+")
_PATH = re.compile(r"[/\\]")
_AUTHORITY_ENDS = re.compile(r"[/\\?#]")
_PORT = re.compile(r"0*([0-9]{1,5})")
_PORT_OR_PATH = re.compile(r"[0-9]{1,5}(?:[/?#]|\Z)")
_NO_WORD = re.compile(r"[^A-Za-z-]")


class Url(NamedTuple):
    """`kind` as in Violation.blocked_kind; `host` only of network URLs, and of those inside blob: and the like."""

    kind: str
    text: str
    host: str = ""
    scheme: str = ""
    template: str = ""  # of the text
    origin: str = ""  # as csp.verdict has it: of a text without one, the text


_EMPTY = Url("empty", "")
_KEYWORDS = {word: Url(kind, word, "", "", word, word) for word, kind in KEYWORDS.items()}
_made = partial(tuple.__new__, Url)  # by Url's own maker it takes as long as two of its regular expressions
# The most of them: as they will be stored, but for a query. Nothing in them is long enough for a secret (tokens.py).
_PLAIN = re.compile(
    r"((?:http|ws)s?)://((?:[a-z0-9-]++\.)++[a-z]{2,24})((?:/[A-Za-z0-9_.~-]{0,19}+)*+)(?:[?#].*)?", re.DOTALL
)


def read_url(text: str, keep: tuple[str, ...] = ()) -> Url:
    """Any text that stands where a URL should. `keep` names the query parameters that stay."""
    return _cached(text, keep) if len(text) <= _CACHED else _read(text, keep)


def read_blocked(text: str, keep: tuple[str, ...] = ()) -> Url:
    """The same for what was blocked, which may be a keyword."""
    if len(text) < 32:  # the longest keyword, with quotes and blanks to spare
        word = text.strip().strip("'").strip().lower()
        if word in KEYWORDS:
            return _KEYWORDS[word]
    return _cached(text, keep) if len(text) <= _CACHED else _read(text, keep)


@lru_cache(maxsize=8192)
def _cached(text: str, keep: tuple[str, ...]) -> Url:
    """Reading the plain ones at one look takes a third of the time."""
    plain = _PLAIN.fullmatch(text)
    if plain is None or len(text) > _PLAIN_LONGEST or "eyJ" in text or (keep and "?" in text):
        return _read(text, keep)
    scheme, host, path = plain.groups()
    if len(host) > LONGEST:
        return _read(text, keep)
    start = f"{scheme}://{host}"
    shaped = template_of_path(path)
    stored = start + path
    return _made(("url", stored, host, scheme, stored if shaped is path else start + shaped, start))


def _read(text: str, keep: tuple[str, ...]) -> Url:
    text = begin(text, _READ).strip()
    if not text:
        return _EMPTY
    found = _SCHEME.match(text)
    if found and not _is_free(found[1].lower(), text[found.end() :]):
        url = _with_scheme(found[1].lower(), _without_blanks(text[found.end() :]), keep)
    else:
        url = _without_scheme(text, keep)
    stored = storable(url.text, URL_BYTES)
    return url._replace(text=stored, template=template(stored), origin=origin(stored))


def _is_free(word: str, rest: str) -> bool:
    """The colon made no scheme: it stands in a sentence, or between a host and its port."""
    if word in KINDS:
        return False
    return rest[:1].isspace() or bool(("." in word or word == "localhost") and _PORT_OR_PATH.match(rest))


def _with_scheme(scheme: str, rest: str, keep: tuple[str, ...]) -> Url:
    kind = KINDS.get(scheme, "")
    if kind == "url":
        return _hosted(scheme, rest.lstrip("/\\"), kind, keep)
    if scheme in {"blob", "filesystem", "view-source"}:
        return _around(scheme, rest, keep)
    if kind == "about":
        return Url(kind, "about:" + _NO_WORD.split(rest, maxsplit=1)[0], "", scheme)
    if rest.startswith("//") and kind != "data":
        return _hosted(scheme, rest[2:], kind or "url", keep)
    # CSP3 §5.4 reports nothing but the scheme here. What follows may be anybody's mail address, or a whole file.
    return Url(kind or "other", scheme, "", scheme)


def _without_blanks(text: str) -> str:
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return _BLANKS.sub("", text)


def _around(scheme: str, rest: str, keep: tuple[str, ...]) -> Url:
    """A URL inside one: its host is the document's. A blob's path is a random name, a new one each time."""
    if rest[:12].lower().find("%3a//") > 0:  # as Safari 6 to 8 sent it
        rest = rest.replace("%3A", ":", 1) if "%3A" in rest[:12] else rest.replace("%3a", ":", 1)
    found = _SCHEME.match(rest)
    kind = KINDS[scheme]
    if found and KINDS.get(found[1].lower()) == "extension":
        return _with_scheme(found[1].lower(), rest[found.end() :], keep)  # made by one: that is what it is
    if not found or found[1].lower() not in DEFAULT_PORTS:
        return Url(kind, scheme, "", scheme)
    inner = _hosted(found[1].lower(), rest[found.end() :].lstrip("/\\"), "url", keep)
    text = "/".join(inner.text.split("/", 3)[:3]) if scheme == "blob" else inner.text
    return Url(kind, f"{scheme}:{text}", inner.host, scheme)


def _hosted(scheme: str, rest: str, kind: str, keep: tuple[str, ...]) -> Url:
    """`rest` begins with the authority."""
    head, _, query = rest.partition("#")[0].partition("?")
    slash = _PATH.search(head)
    authority, path = (head[: slash.start()], head[slash.start() :]) if slash else (head, "")
    authority = authority.rpartition("@")[2] if len(authority) <= _LONGEST_AUTHORITY else ""
    host, port = _host_and_port(authority, scheme)
    if not host and kind == "url":
        kind = "other"
    shown = f"[{host}]" if ":" in host else host or path_without_tokens(authority)
    prefix = f"{scheme}://" if scheme else "//"
    path = path_without_tokens(path) + _kept(query, keep)
    return Url(kind, f"{prefix}{shown}{port}{path}", host if kind == "url" else "", scheme)


def _host_and_port(text: str, scheme: str) -> tuple[str, str]:
    """The port with its colon; empty if it is the scheme's own, or none at all."""
    if text.startswith("["):
        name, _, rest = text.partition("]")
        host, port = host_name(name + "]"), rest.removeprefix(":")
    else:
        name, _, port = text.partition(":")
        host = host_name(name)
    found = _PORT.fullmatch(port)
    if not found or not host:
        return host, ""
    number = int(found[1])
    return host, "" if number > 65535 or number == DEFAULT_PORTS.get(scheme) else f":{number}"


def _kept(query: str, keep: tuple[str, ...]) -> str:
    """The named parameters of a query, in their order."""
    pairs = [pair for pair in query.split("&") if pair.partition("=")[0] in keep] if keep and query else []
    return "?" + path_without_tokens("&".join(pairs)) if pairs else ""


def _without_scheme(text: str, keep: tuple[str, ...]) -> Url:
    """A bare word, a bare host, a path, or free text."""
    word = text.lower() if len(text) < 64 else ""
    if word in KINDS:
        return Url(KINDS[word], word, "", word)
    if not _BLANKS.search(text):
        if text.startswith("//"):
            return _hosted("", text[2:], "url", keep)
        # The host alone first: to look for secrets takes long, and most texts have none.
        host, _ = _host_and_port(_AUTHORITY_ENDS.split(text, maxsplit=1)[0], "")
        if "@" not in text and looks_like_host(host):
            url = _hosted("", text, "url", keep)
            return url._replace(text=url.text[2:])
    return Url("other", text_without_tokens(plain_words(text)))
