"""A setting's text into its value: each reader says what would be right where the text is not."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from alerts.channels import BadChannel, check
from alerts.channels import masked as masked_channel


class WrongValue(Exception):
    """Carries what would be right, as the end of a sentence."""


class Reader(NamedTuple):
    """`type` is what the settings table calls it; `read` raises WrongValue."""

    type: str
    read: Callable[[str], Any]


_UNITS = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,19}) ?([KMGT]iB|)", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)  # int() would take other scripts' digits, underscores and signs
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII | re.IGNORECASE)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ODD_PORT = re.compile(r"((?:\[[0-9A-Fa-f:.]*\]|:[0-9]{1,5}(?=[,/?#]|\Z)|[^:/?#])*+):")
_SECRET_WORD = re.compile(r"pass|pwd|secret|token|key|cred|auth|jaas", re.IGNORECASE)


def whole(low: int, high: int) -> Reader:
    def read(text: str) -> int:
        number = int(text) if _WHOLE.fullmatch(text) else -1
        if not low <= number <= high:
            raise WrongValue(f"should be a whole number from {low} to {high}")
        return number

    return Reader("whole number", read)


def size(low: str, high: str) -> Reader:
    least, most = _bytes(low), _bytes(high)

    def read(text: str) -> int:
        number = _bytes(text)
        if not least <= number <= most:
            raise WrongValue(f"should be a number of bytes from {low} to {high}, like 262144, 64KiB, 512MiB or 2GiB")
        return number

    return Reader("size", read)


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _UNITS[match[2].lower()] if match else -1


def choice(*names: str) -> Reader:
    def read(text: str) -> str:
        if text.lower() not in names:
            raise WrongValue(f"should be {', '.join(names[:-1])} or {names[-1]}")
        return text.lower()

    return Reader(" | ".join(names), read)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()  # a shell expands ~, a settings file doesn't
    except RuntimeError as error:
        raise WrongValue("should be a path; there is no such user's home") from error


def _host(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" not in bare and _HOST_NAME.fullmatch(bare) and len(bare) <= 253:
        return bare
    try:
        ipaddress.ip_address(bare)
    except ValueError as error:
        right = "an address or a host name without scheme and port, like 127.0.0.1, :: or localhost"
        raise WrongValue(f"should be {right}") from error
    return bare


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,1024}", text):
        raise WrongValue("should be 1 to 1024 ASCII letters, digits and signs without blanks (it travels in a header)")
    return text


def _webhooks(text: str) -> tuple[str, ...]:
    """Apprise's own URLs may hold commas too: there they are written %2C."""
    urls = tuple(url for url in (part.strip() for part in text.split(",")) if url)
    if not urls:
        raise WrongValue("should be URLs with commas between them")
    for url in urls:
        try:
            check(url)
        except BadChannel as error:
            raise WrongValue(str(error)) from error
    return urls


PORT = whole(0, 65535)._replace(type="port")
PATH = Reader("path", _path)
HOST = Reader("address or host name", _host)
TOKEN = Reader("text", _token)
WEBHOOKS = Reader("URLs, with commas", _webhooks)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`. Names other than localhost may lead anywhere, so they don't count."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def masked(text: str) -> str:
    """`text` fit for a sentence: without secrets, printable, at most 80 characters."""
    return _short(without_secrets(text))


def without_secrets(text: str) -> str:
    """`text` without userinfo and without secrets in a query, printable. Where in doubt it hides too much."""
    before, at, after = text.rpartition("@")
    if at:
        scheme, slashes, _ = before.partition("://")
        start = f"{scheme}://***" if slashes and _SCHEME.fullmatch(scheme) else "***"
        # A password behind ? may hold the @ itself: then what follows is no host.
        text = start if _without_secret_parameters(before) != before else f"{start}@{after}"
    return _printable(_without_secret_parameters(_without_odd_port(text)))


def _without_odd_port(text: str) -> str:
    """A port that is no number may be a password whose @ was forgotten or written %40; nobody knows where it ends."""
    scheme, slashes, rest = text.partition("://")
    odd = _ODD_PORT.match(rest)
    return f"{scheme}{slashes}{odd[1]}:***" if odd else text


def _without_secret_parameters(text: str) -> str:
    """What follows a secret one is hidden too: the secret may hold a bare &."""
    kept = ""
    for part in re.split(r"(?=[?&])", text):
        name, equals, _ = part.partition("=")
        if equals and part[0] in "?&" and _SECRET_WORD.search(unquote(name)):
            return f"{kept}{name}=***"
        kept += part
    return kept


def masked_webhooks(text: str) -> str:
    """Chat services' webhooks carry their secret in the path, and apprise's URLs in the host."""
    return _short(_printable(",".join(masked_channel(url.strip()) for url in text.split(","))))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
