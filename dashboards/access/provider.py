"""Signing in by way of the provider: there, and back again."""

import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboards.access import cookies, next_page
from dashboards.access.guard import Entry, Tell
from dashboards.access.headers import known_place
from dashboards.access.login import begun
from dashboards.access.openid import OpenId, Refused
from dashboards.access.sessions import Sealed
from dashboards.access.terms import Provider

logger = logging.getLogger("sentinel.console")
_SECONDS = 600  # for the way there and back


class ByProvider:
    def __init__(self, entry: Entry, provider: Provider, tell: Tell) -> None:
        self._entry = entry
        self._tell = tell
        self._openid = OpenId(provider)
        self._under_way = Sealed(entry.sessions.key, "provider", _SECONDS)

    def routes(self) -> list[Route]:
        return [
            # A link, not a form: Chromium holds form-action against the redirect that answers a form.
            Route("/login/provider", self._there, methods=["GET"]),
            Route("/login/back", self._back, methods=["GET"]),
        ]

    async def _there(self, request: Request) -> Response:
        place = known_place(request)
        wanted = next_page.local(request.query_params.get("next", ""))
        try:
            address, under_way = await self._openid.begin(f"{self._entry.places.public(place)}/login/back")
        except Refused as error:
            return self._refused(request, error)
        answer = RedirectResponse(address, 303)
        sealed = self._under_way.seal([wanted, under_way])
        # Lax: the provider leads back here, and Strict would be kept back on that way.
        cookies.write(answer, place, cookies.PROVIDER, sealed, _SECONDS, same_site="lax")
        return answer

    async def _back(self, request: Request) -> Response:
        opened: Any = self._under_way.opened(cookies.read(request, known_place(request), cookies.PROVIDER))
        wanted, under_way = opened or ("/", {})
        try:
            person = await self._openid.end(request, under_way)
        except Refused as error:
            return self._refused(request, error)
        return self._done(request, begun(self._entry, request, wanted, person, "lax"))

    def _refused(self, request: Request, refused: Refused) -> Response:
        logger.warning("a sign-in by the provider failed: %s", refused.why or refused.problem.sentence)
        return self._done(request, self._tell(request, refused.problem))

    def _done(self, request: Request, answer: Response) -> Response:
        cookies.drop(answer, known_place(request), cookies.PROVIDER)
        return answer
