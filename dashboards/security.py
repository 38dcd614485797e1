"""Who may ask, and what a browser may do with an answer. Around everything else."""

import base64
import binascii
import hmac
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards import problems
from dashboards.problems import Problem

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OPEN = ("/health", "/ready")  # for whoever watches the process


def secured(response: Response) -> Response:
    """With the headers every answer has."""
    response.headers.update(HEADERS)
    return response


class Secured:
    """Adds the headers to whatever answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_secured)


_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_FOREIGN_HOST = Problem(421, "Without a token the console answers only to localhost, 127.0.0.1 and [::1].")
_NO_TOKEN = Problem(401, "The console's token is needed: as a Bearer token, or as the password of any user name.")
_CHALLENGES = ('Basic realm="CSP-Sentinel", charset="UTF-8"', 'Bearer realm="CSP-Sentinel"')


class Guard:
    """With a token: lets in who has it. Without: only who calls this machine by its own name.

    The second keeps out pages that point a name of theirs at 127.0.0.1 (DNS rebinding); a token does that as well,
    because a browser keeps it for one name.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http" and scope["path"] not in OPEN:
            answer = self._refusal(Headers(scope=scope))
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if self._token is None:
            known = _LOOPBACK.fullmatch(headers.get("host", ""))
            return None if known else problems.response(_FOREIGN_HOST)
        if hmac.compare_digest(_given(headers.get("authorization", "")), self._token):
            return None
        refused = problems.response(_NO_TOKEN)
        for challenge in _CHALLENGES:
            refused.headers.append("WWW-Authenticate", challenge)
        return refused


def _given(authorization: str) -> bytes:
    """The token in the header, as bytes; empty where there is none."""
    scheme, _, rest = authorization.strip().partition(" ")
    # Header values come as latin-1; the token was typed as UTF-8.
    credentials = rest.strip().encode("latin-1")
    if scheme.lower() == "bearer":
        return credentials
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
