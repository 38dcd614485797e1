"""Signed report URLs: `?k=…` says for which environment and until when the site's owner gave this URL out.

A token is `version.environment.expires.mac`: unreserved characters only (RFC 3986 §2.3), because a policy ends a value
at `;`, `,` and blanks. Every visitor of the site can read it: it keeps out who never saw the site, and nobody else.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

PARAMETER = "k"
VERSION = "1"
ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
LEAST_KEY, LONGEST_KEY = 32, 256  # characters
LONGEST_QUERY = 1024  # bytes looked at; ours are below 100
LATEST = 10**10 - 1  # s since the epoch: the token's ten digits
_LEAST_DIFFERENT = 8  # characters of a key that somebody may have typed
_MAC_BYTES = 18  # 144 bits; RFC 2104 §5 allows down to half the hash. A multiple of 3: base64 leaves no bit unused
_KEY = re.compile(r"[!-~]+")
_TOKEN = re.compile(rf"({VERSION}\.({ENVIRONMENT.pattern}|)\.([0-9]{{1,10}}))\.([A-Za-z0-9_-]{{24}})")
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 256


class BadKey(Exception):
    """What a signing key lacks; never the key itself."""


class Signature(NamedTuple):
    """`outcome` is valid, missing, invalid or expired; `environment` is of a valid one."""

    outcome: str
    environment: str = ""


MISSING, INVALID, EXPIRED = Signature("missing"), Signature("invalid"), Signature("expired")


class _Read(NamedTuple):
    signature: Signature
    until: int = LATEST  # s since the epoch


def new_key() -> str:
    return secrets.token_urlsafe(32)


def checked_key(key: object) -> str:
    """Raises BadKey."""
    if not isinstance(key, str):
        raise BadKey("is no text")
    if not LEAST_KEY <= len(key) <= LONGEST_KEY:
        raise BadKey(f"has {len(key)} characters; it needs {LEAST_KEY} to {LONGEST_KEY}")
    if not _KEY.fullmatch(key):
        raise BadKey("has blanks, control or non-ASCII characters")
    if len(set(key)) < _LEAST_DIFFERENT:
        raise BadKey(f"has only {len(set(key))} different characters, and could be guessed")
    return key


def token(key: str, site: str, environment: str, expires: int) -> str:
    """`expires` in s since the epoch; `environment` may be empty."""
    claims = f"{VERSION}.{environment}.{expires}"
    return f"{claims}.{_mac(key.encode(), site, claims)}"


class Signer:
    """What checks the report URLs of one site."""

    def __init__(self, site: str, keys: Sequence[str]) -> None:
        """The first of `keys` signs, all of them verify, so that one can follow another."""
        self._site = site
        self._keys = [key.encode() for key in keys]
        self._read_before: dict[bytes, _Read] = {}

    def __repr__(self) -> str:
        return f"Signer({self._site!r})"

    def token(self, environment: str, expires: int) -> str:
        return token(self._keys[0].decode(), self._site, environment, expires)

    def check(self, query: bytes, now: float) -> Signature:
        """Of a URL's query as sent, without its `?`; `now` in s since the epoch. Never raises."""
        found = self._read_before.get(query)
        if found is None:
            found = self._read(query)
            if len(query) <= _LONGEST_REMEMBERED:
                if len(self._read_before) >= _REMEMBERED:  # somebody tries tokens: the good one is read again
                    self._read_before.clear()
                self._read_before[query] = found
        return found.signature if now < found.until else EXPIRED

    def _read(self, query: bytes) -> _Read:
        if len(query) > LONGEST_QUERY:
            return _Read(INVALID)
        given = _given(query)
        if not given:
            return _Read(MISSING)
        found = _TOKEN.fullmatch(given[0])
        if found is None or len(given) > 1:  # which of several the owner gave out, nobody can say
            return _Read(INVALID)
        claims, environment, expires, mac = found.groups()
        # The text is compared, not the bytes it stands for: so no other spelling of it verifies.
        if not any(hmac.compare_digest(mac, _mac(key, self._site, claims)) for key in self._keys):
            return _Read(INVALID)
        return _Read(Signature("valid", environment), int(expires))


def _given(query: bytes) -> list[str]:
    """The values of our parameter; `+` stays what it is, no token has one."""
    pairs = [pair.partition("=") for pair in query.partition(b"#")[0].decode("ascii", "replace").split("&")]
    return [unquote(value) for name, _, value in pairs if unquote(name) == PARAMETER]


def _mac(key: bytes, site: str, claims: str) -> str:
    digest = hmac.digest(key, f"csp-sentinel report url\n{site}\n{claims}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:_MAC_BYTES]).decode()
