"""By which address a request came, and whether that is one of the console's own.

A page of another site may point a name of its own at this console (DNS rebinding), so names must be known. An address
in figures can't be pointed elsewhere.
"""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from dashboards.access.terms import Terms
from dashboards.problems import Problem

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::[0-9]{1,5})?", re.ASCII)
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[::1\]", re.ASCII)
_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104  (compared, not bound)
_OPEN = Problem(421, "Without a token the console answers only to localhost, 127.0.0.1 and [::1].")
_CLOSED = Problem(
    421,
    "The console does not go by this name. Set SENTINEL_CONSOLE_URL to the address that people open, and have a proxy "
    "in front pass the Host header on as it came.",
)


class Place(NamedTuple):
    """Where the console is for whoever asks."""

    origin: str  # scheme, host and port, as browsers write it
    name: str  # the host alone; IPv6 in brackets
    secure: bool  # by https


class Places:
    def __init__(self, terms: Terms) -> None:
        self._open = terms.open
        self._url = terms.url
        self._url_name = _name(urlsplit(terms.url).hostname or "")
        self._bound = _name(terms.host.lower())
        # Bound to all, or to a name, whose addresses are not known here.
        self._anywhere = terms.host in _WILDCARDS or not _is_address(terms.host)
        self.foreign = _OPEN if self._open else _CLOSED

    def place(self, scope: Scope) -> Place | None:
        """None where Host is missing, given twice, or not one of ours."""
        hosts = [host.lower() for host in Headers(scope=scope).getlist("host")]
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None or not self._ours(found[1]):
            return None
        # A proxy that ends TLS speaks plain http to us: then the public address says what the browser sees.
        secure = scope["scheme"] == "https" or (found[1] == self._url_name and self._url.startswith("https:"))
        return Place(f"{'https' if secure else 'http'}://{hosts[0]}", found[1], secure)

    def _ours(self, name: str) -> bool:
        if _LOOPBACK.fullmatch(name):
            return True
        if self._open:
            return False
        return name in {self._bound, self._url_name} or (self._anywhere and _is_address(name))

    def public(self, place: Place) -> str:
        """The console's address, for links and the login's way back."""
        return self._url or place.origin

    def own(self, place: Place, headers: Headers) -> bool:
        """Whether this is no request that a page of another site caused. Programs send neither header."""
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return False
        return "origin" not in headers or headers["origin"] in {place.origin, self._url or place.origin}


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
