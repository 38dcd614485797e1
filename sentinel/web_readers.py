"""Readers of what has to do with the console: addresses on the web, secrets, and who may come in."""

import re
from urllib.parse import urlsplit

from sentinel.readers import HOST, Reader, WrongValue, is_loopback

_PERSON = re.compile(r"[^@\s]{0,64}@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)


def _origin(text: str) -> str:
    """As browsers write it: lower case, without the scheme's own port."""
    found = re.fullmatch(
        r"(https?)://(\[[0-9a-f.]*:[0-9a-f:.]*\]|[^\[\]:/]+)(?::([0-9]{1,5}))?/?", text, re.ASCII | re.IGNORECASE
    )
    wrong = WrongValue("should be like https://csp.example: scheme and host, a port perhaps, and nothing else")
    if found is None or int(found[3] or 1) not in range(1, 65536):
        raise wrong
    try:
        scheme, host = found[1].lower(), HOST.read(found[2]).lower()
    except WrongValue:
        raise wrong from None
    port = "" if not found[3] or int(found[3]) == {"http": 80, "https": 443}[scheme] else f":{int(found[3])}"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _issuer(text: str) -> str:
    """https, because its answers are believed; plain http only on this machine."""
    wrong = WrongValue("should be like https://login.example/realms/main: the provider's issuer (http:// on loopback)")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not safe or parts.query or parts.fragment or parts.username is not None or not text.isascii():
        raise wrong
    return text


def _secret(text: str) -> str:
    if not 32 <= len(text) <= 1024:
        raise WrongValue("should be 32 to 1024 characters that nobody can guess, as `openssl rand -hex 32` makes them")
    return text


def _people(text: str) -> tuple[str, ...]:
    listed = tuple(part for part in (part.strip() for part in text.split(",")) if part)
    if not listed or not all(_PERSON.fullmatch(part) for part in listed if "@" in part):
        raise WrongValue("should be e-mail addresses, @domain, or names of groups, with commas between them")
    return tuple(part.lower() if "@" in part else part for part in listed)


ORIGIN = Reader("http(s)://host[:port]", _origin)
ISSUER = Reader("https:// URL", _issuer)
SECRET = Reader("text", _secret)
PEOPLE = Reader("names, with commas", _people)
