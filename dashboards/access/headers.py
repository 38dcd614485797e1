"""What browsers are told to do with an answer. Around everything else."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.access.places import Place, Places
from schema.sites import CONSOLE

_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` with our own forms (Fetch, "append a request Origin").
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Without Cross-Origin-Embedder-Policy: Chromium holds it against the collector's answers to our own reports.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS_SECONDS = 365 * 86400


def place_of(request: Request) -> Place | None:
    """By which of the console's addresses this came; None: by none of them."""
    place: Place | None = getattr(request.state, "place", None)
    return place


def known_place(request: Request) -> Place:
    """The same, behind the guard, which lets nothing else through."""
    place = place_of(request)
    assert place is not None
    return place


class Secured:
    """Adds the headers to whatever answers. `collector`: as in Terms."""

    def __init__(self, app: ASGIApp, places: Places, collector: str | int | None) -> None:
        self._app = app
        self._places = places
        self._collector = collector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        place = self._places.place(scope)
        headers = _headers(place, self._collector)
        scope.setdefault("state", {}).update(place=place, headers=headers)

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, send_secured)


def secured(request: Request, response: Response) -> Response:
    """With the headers, where an answer is made outside of `Secured`: that of an error nobody expected."""
    response.headers.update(request.state.headers)
    return response


def _headers(place: Place | None, collector: str | int | None) -> dict[str, str]:
    policy = _POLICY
    if place is not None and (where := _reports_to(place, collector)):
        # Not report-to: browsers that know it ignore report-uri then, and take its endpoints by https alone.
        policy = f"{policy}; report-uri {where}/csp/report/{CONSOLE}"
    headers = {"Content-Security-Policy": policy, **_HEADERS}
    if place is not None and place.secure:
        headers["Strict-Transport-Security"] = f"max-age={_HTTPS_SECONDS}"
    return headers


def _reports_to(place: Place, collector: str | int | None) -> str:
    if isinstance(collector, int):  # it speaks plain http, which a page that came by https must not ask
        return "" if place.secure else f"http://{place.name}:{collector}"
    return collector or ""
