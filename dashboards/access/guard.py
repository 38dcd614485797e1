"""Lets in who may come in, and says of each request who it is."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.access import cookies, next_page
from dashboards.access.attempts import Attempts
from dashboards.access.headers import place_of
from dashboards.access.places import Place, Places
from dashboards.access.sessions import Sessions
from dashboards.access.terms import Terms
from dashboards.access.tokens import Tokens, credentials
from dashboards.access.visitor import EDITOR, Visitor
from dashboards.problems import Problem, reads_pages

Tell = Callable[[Request, Problem], Response]
PROBES = ("/health", "/ready")  # for whoever watches the process, under any name
_SAFE = ("GET", "HEAD", "OPTIONS")
_FOREIGN = Problem(403, "Changes are for the console's own pages and for programs, not for pages of other sites.")
_NO_TOKEN = Problem(401, "The console's token is needed: as a Bearer token, or as the password of any user name.")
_BASIC = 'Basic realm="CSP-Sentinel", charset="UTF-8"'
_BEARER = 'Bearer realm="CSP-Sentinel"'


class Entry:
    """What login and guard share."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.places = Places(terms)
        self.tokens = Tokens(terms)
        self.attempts = Attempts()
        self.sessions = Sessions(terms)

    def too_many(self, request: Request) -> Problem | None:
        if seconds := self.attempts.wait(_address(request)):
            said = f"Too many wrong tokens; try again in {seconds} seconds."
            return Problem(429, said, {"Retry-After": str(seconds)})
        return None

    def wrong(self, request: Request) -> None:
        self.attempts.failed(_address(request))


class Guard:
    """`tell` makes a problem's answer."""

    def __init__(self, app: ASGIApp, entry: Entry, tell: Tell) -> None:
        self._app = app
        self._entry = entry
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http" and scope["path"] not in PROBES:
            answer = self._refusal(Request(scope))
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        """None where `request` may go on; who it is has been noted then."""
        place = place_of(request)
        if place is None:
            return self._tell(request, self._entry.places.foreign)
        if request.method not in _SAFE and not self._entry.places.own(place, request.headers):
            return self._tell(request, _FOREIGN)
        if request.headers.get("authorization") and not self._entry.terms.open:
            return self._by_token(request)
        request.state.visitor = visitor = self._visitor(request, place)
        return None if visitor or _public(request) else self._to_login(request)

    def _visitor(self, request: Request, place: Place) -> Visitor | None:
        if self._entry.terms.open:
            return Visitor("this machine", EDITOR, self._entry.sessions.csrf("this machine"))
        return self._entry.sessions.visitor(cookies.read(request, place, cookies.SESSION))

    def _by_token(self, request: Request) -> Response | None:
        if problem := self._entry.too_many(request):
            return self._tell(request, problem)
        given = credentials(request.headers["authorization"])
        whose = self._entry.tokens.whose(given.token)
        if whose is None:
            if given.token:
                self._entry.wrong(request)
            return self._challenge(request)
        request.state.visitor = Visitor(*whose, self._entry.sessions.csrf(whose.name))
        request.state.bearer = given.bearer
        return None

    def _to_login(self, request: Request) -> Response:
        if request.method not in _SAFE or not reads_pages(request):
            return self._challenge(request)
        if request.headers.get("sec-fetch-site") == "cross-site":
            # A link in a message: browsers keep SameSite=Strict cookies back, but not when the page asks again itself.
            return Response("", headers={"Refresh": "0"}, media_type="text/html")
        return RedirectResponse(next_page.login_for(request), 303)

    def _challenge(self, request: Request) -> Response:
        refused = self._tell(request, _NO_TOKEN)
        if request.headers.get("sec-fetch-dest", "document") == "document":  # a script's request opens no dialogue
            refused.headers.append("WWW-Authenticate", _BASIC)
        refused.headers.append("WWW-Authenticate", _BEARER)
        return refused


def _public(request: Request) -> bool:
    """What is answered before anybody is known: the login and what it looks like."""
    path: str = request.scope["path"]
    return path == "/login" or path.startswith(("/login/", "/static/"))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
