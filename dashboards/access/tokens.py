"""Tokens: whose they are, and how programs send them. Never in a query, which ends in logs and histories."""

import base64
import binascii
import hmac
from typing import NamedTuple

from dashboards.access.terms import Terms
from dashboards.access.visitor import EDITOR, VIEWER


class Whose(NamedTuple):
    name: str
    role: str


_WHOSE = (Whose("token", EDITOR), Whose("viewer token", VIEWER))


class Tokens:
    def __init__(self, terms: Terms) -> None:
        self._known = [
            (token.encode(), whose) for token, whose in zip((terms.token, terms.viewer_token), _WHOSE, strict=True)
        ]

    def whose(self, given: bytes) -> Whose | None:
        """Takes the same time for every wrong one, and compares with all."""
        right = [whose for token, whose in self._known if hmac.compare_digest(given, token) and token]
        return right[0] if right else None


class Credentials(NamedTuple):
    token: bytes  # empty: there is none in it
    bearer: bool


def credentials(authorization: str) -> Credentials:
    """Of the header's value: a bearer token, or the password of any user name."""
    scheme, _, rest = authorization.strip().partition(" ")
    # Header values come as latin-1; the token was typed as UTF-8.
    given = rest.strip().encode("latin-1")
    if scheme.lower() == "bearer":
        return Credentials(given, bearer=True)
    if scheme.lower() != "basic":
        return Credentials(b"", bearer=False)
    try:
        return Credentials(base64.b64decode(given, validate=True).partition(b":")[2], bearer=False)
    except binascii.Error:
        return Credentials(b"", bearer=False)
