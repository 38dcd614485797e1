"""Where messages go: a URL into a channel. No sentence here quotes what may be a secret."""

import functools
import hashlib
import ipaddress
import re
from urllib.parse import urlsplit

from alerts.channel import Channel


class BadChannel(Exception):
    """What would be right, as the end of a sentence."""


_SHAPE = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://\S+")


_RIGHT = (
    "should be https:// or http:// (it takes JSON), alertmanager://host:9093 or alertmanagers://, or a URL that apprise"
    " knows, like slack://…: https://appriseit.com/services/"
)
_WEB = {"http", "https", "alertmanager", "alertmanagers"}


def check(url: str) -> None:
    """Raises BadChannel."""
    found = _SHAPE.fullmatch(url)
    if found is None:
        raise BadChannel(_RIGHT)
    scheme = found[1].lower()
    if scheme in _WEB:
        if not _is_web(url) or (scheme not in {"http", "https"} and "?" in url):
            raise BadChannel(_RIGHT)
        return
    from alerts.others import known  # noqa: PLC0415  (apprise takes half a second and 25 MB)

    if not known(url):
        raise BadChannel(_RIGHT)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and _is_host(parts.hostname or "")
    except ValueError:  # a port that is no number, an unclosed bracket
        return False


def _is_host(name: str) -> bool:
    if ":" in name:
        ipaddress.ip_address(name)  # raises ValueError
    return not re.search(r"[^\w.:%-]", name)


def masked(url: str) -> str:
    """Scheme and host: userinfo, path and query may hold a secret. Of apprise's services the host is one too."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return "***"
    if scheme.lower() not in _WEB:
        return f"{scheme}://***"
    authority, _, path = re.sub(r"[?#]", "/", rest, count=1).partition("/")
    host = authority.rpartition("@")[2]
    shown = host if re.fullmatch(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?", host) else "***"
    return f"{scheme}://{'***@' if '@' in authority else ''}{shown}{'/***' if path else ''}"


@functools.lru_cache(maxsize=1024)
def key_of(url: str) -> str:
    """It stands in the store. A password in a URL may be a short one: so it is made dear to guess, 50 ms each."""
    return hashlib.scrypt(url.encode(), salt=b"csp-sentinel alert channel", n=1 << 14, r=8, p=1, dklen=8).hex()


def open_channel(url: str, secret: str = "") -> Channel:
    """`url` was checked; `secret` signs plain JSON webhooks."""
    scheme = url.partition("://")[0].lower()
    its = key_of(url), masked(url)
    if scheme in {"http", "https"}:
        from alerts.webhook import Webhook  # noqa: PLC0415

        return Webhook(*its, url, secret)
    if scheme.startswith("alertmanager"):
        from alerts.alertmanager import Alertmanager  # noqa: PLC0415

        return Alertmanager(*its, url)
    from alerts.others import Other  # noqa: PLC0415

    return Other(*its, url)
