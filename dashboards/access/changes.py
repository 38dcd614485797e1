"""Changes: endpoints that only an editor reaches, and only by the console's own forms or by a program.

That a page of another site caused a request is found out before (guard.py); what is asked for here holds also where a
browser sends neither Origin nor Sec-Fetch-Site.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboards.access.visitor import Visitor, by_bearer, visitor_of
from dashboards.query_string import Parameters

MOST_BYTES = 1 << 20
_MOST_FIELDS = 10_000
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

Form = Mapping[str, list[str]]
Endpoint = Callable[[Request], Awaitable[Response]]


def form_change(function: Callable[[Request, Visitor, Form], Response]) -> Endpoint:
    """An endpoint for a form of ours with the visitor's `csrf` in it; `function` runs in a thread, without that field.

    Refused: a viewer 403, another type of body 415, more than 1 MiB 413, no form 400, another `csrf` 403.
    """

    async def endpoint(request: Request) -> Response:
        visitor = _editor(request)
        form = await read_form(request, "" if by_bearer(request) else visitor.csrf)
        return await run_in_threadpool(function, request, visitor, form)

    return endpoint


def json_change(function: Callable[[Request, Visitor, Any], Response]) -> Endpoint:
    """An endpoint for JSON; `function` runs in a thread with what it says, None where the body is empty.

    No page of another site can send this type: a browser asks first, and nothing here answers. Refused as above, and
    with parameters 400.
    """

    async def endpoint(request: Request) -> Response:
        visitor = _editor(request)
        Parameters(request.scope["query_string"], ())
        if not by_bearer(request):
            _typed(request, _JSON, "The body is JSON")
        return await run_in_threadpool(function, request, visitor, read_json(await _body(request)))

    return endpoint


def read_json(body: bytes) -> Any:
    """What it says, None where it is empty. Raises HTTPException."""
    try:
        return msgspec.json.decode(body) if body else None
    except (
        ValueError,
        RecursionError,
    ) as error:  # msgspec's errors, and that of bytes that are no UTF-8, are the first
        raise HTTPException(400, f"The body is no JSON: {error}.") from error


async def read_form(request: Request, csrf: str) -> Form:
    """Its fields without `csrf`, which must be this one; empty: none is asked for. Raises HTTPException."""
    _typed(request, _FORM, "The body is a form")
    try:
        text = (await _body(request)).decode()
        form = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(400, f"The body is no form: UTF-8, and at most {_MOST_FIELDS} fields.") from error
    given = form.pop("csrf", [""])
    if csrf and not hmac.compare_digest(given[0].encode(), csrf.encode()):
        raise HTTPException(403, "This form is from before you signed in, or from elsewhere: open its page again.")
    return form


def _editor(request: Request) -> Visitor:
    visitor = visitor_of(request)
    if not visitor.edits:
        raise HTTPException(403, "Viewers can read everything and change nothing; an editor can.")
    return visitor


def _typed(request: Request, wanted: str, says: str) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != wanted:
        raise HTTPException(415, f"{says}: send Content-Type: {wanted}.")


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > MOST_BYTES:
            raise HTTPException(413, "A body has at most 1 MiB.")
    return bytes(found)
