"""Signing in and out in a browser."""

import logging
import secrets
from collections.abc import Callable
from typing import Literal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboards.access import cookies, next_page
from dashboards.access.changes import read_form
from dashboards.access.guard import Entry, Tell
from dashboards.access.headers import known_place
from dashboards.access.sessions import SECONDS, Sealed
from dashboards.access.tokens import Whose
from dashboards.access.visitor import found

logger = logging.getLogger("sentinel.console")
Page = Callable[..., Response]
"""A template's name, a status, and what it shows → the answer."""
_FORM_SECONDS = 3600


class Login:
    """By token; `page` makes the login's page, `tell` a problem's."""

    def __init__(self, entry: Entry, page: Page, tell: Tell) -> None:
        self._entry = entry
        self._page = page
        self._tell = tell
        self._forms = Sealed(entry.sessions.key, "login", _FORM_SECONDS)

    def routes(self) -> list[Route]:
        return [
            Route("/login", self._shown, methods=["GET"]),
            Route("/login", self._by_token, methods=["POST"]),
            Route("/logout", self._out, methods=["POST"]),
        ]

    async def _shown(self, request: Request) -> Response:
        wanted = next_page.local(request.query_params.get("next", ""))
        return RedirectResponse(wanted, 303) if found(request) else self._form(request, wanted)

    def _form(self, request: Request, wanted: str, said: str = "", status: int = 200) -> Response:
        place = known_place(request)
        # Kept where there is one, so that forms in two tabs both work.
        sealed = cookies.read(request, place, cookies.LOGIN)
        if self._forms.opened(sealed) is None:
            sealed = self._forms.seal(secrets.token_urlsafe(16))
        terms = self._entry.terms
        shown = self._page(
            "login.html",
            status,
            said=said,
            next=wanted,
            csrf=self._entry.sessions.csrf(sealed),
            by_token=bool(terms.token or terms.viewer_token),
            by_provider=bool(terms.provider),
        )
        cookies.write(shown, place, cookies.LOGIN, sealed, _FORM_SECONDS, same_site="strict")
        return shown

    async def _by_token(self, request: Request) -> Response:
        sealed = cookies.read(request, known_place(request), cookies.LOGIN)
        bound = sealed if self._forms.opened(sealed) is not None else secrets.token_urlsafe(16)
        form = await read_form(request, self._entry.sessions.csrf(bound))
        wanted = next_page.local(form.get("next", [""])[0])
        if problem := self._entry.too_many(request):  # asked last: a thousand forms that wait are none the wiser
            return self._tell(request, problem)
        whose = self._entry.tokens.whose(form.get("token", [""])[0].strip().encode())
        if whose is None:
            self._entry.wrong(request)
            logger.warning("a wrong token was given at the login")
            return self._form(request, wanted, "That is not the token.", 403)
        return begun(self._entry, request, wanted, whose, "strict")

    async def _out(self, request: Request) -> Response:
        """For viewers too: it changes nothing of the console's."""
        visitor, place = found(request), known_place(request)
        assert visitor is not None
        await read_form(request, visitor.csrf)
        self._entry.sessions.end(cookies.read(request, place, cookies.SESSION))
        logger.info("%s signed out", visitor.name)
        answer = RedirectResponse("/login", 303)
        cookies.drop(answer, place, cookies.SESSION)
        return answer


def begun(entry: Entry, request: Request, wanted: str, whose: Whose, same_site: Literal["strict", "lax"]) -> Response:
    """A new session, and on to the page that was asked for."""
    logger.info("%s signed in as %s", whose.name, whose.role)
    place = known_place(request)
    answer = RedirectResponse(wanted, 303)
    cookies.write(answer, place, cookies.SESSION, entry.sessions.begun(*whose), SECONDS, same_site=same_site)
    cookies.drop(answer, place, cookies.LOGIN)
    return answer
