"""Noise rules in the console: what a rule says, and labelling again what is stored.

`POST /api/noise/apply` is the one request that changes anything. No page may cause it: a body of application/json makes
a browser ask first, which nothing here answers, and a request that a browser calls another site's is refused.
"""

import itertools
from collections.abc import Callable, Generator, Iterator
from threading import Lock
from typing import Any

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.streams import Stream
from schema.noise import BadRules

Apply = Callable[[str | None], Iterator[dict[str, Any]]]
"""The text of a rules file, or None for those in use → steps, the last of them with "done". Raises BadRules."""
MOST_BYTES = 1 << 20


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    rules: str | None = None


class Applying:
    """One at a time: two would move the same count."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._at_work = Lock()

    def routes(self) -> list[Route]:
        return [Route("/api/noise/apply", self._endpoint, methods=["POST"])]

    async def _endpoint(self, request: Request) -> Response:
        """NDJSON, a line a step. Who hangs up stops it after the batch under way."""
        _refuse_pages(request)
        lines = self._lines(_read(await _body(request)).rules)
        # The first step is made before the answer starts, so that what goes wrong can still be told.
        whole = itertools.chain([await run_in_threadpool(next, lines, b"")], lines)
        return Stream(whole, lines.close, media_type="application/x-ndjson")

    def _lines(self, rules: str | None) -> Generator[bytes, None, None]:
        if not self._at_work.acquire(blocking=False):
            raise HTTPException(409, "Noise rules are being applied already; wait for the end of that.")
        try:
            yield from self._steps(rules)
        finally:
            self._at_work.release()

    def _steps(self, rules: str | None) -> Iterator[bytes]:
        try:
            for step in self._apply(rules):
                yield msgspec.json.encode(step) + b"\n"
        except BadRules as error:
            raise HTTPException(400, str(error)) from error
        except ClickHouseError as error:
            yield msgspec.json.encode({"error": f"the store can't be used ({_why(error)})"}) + b"\n"


def _why(error: ClickHouseError) -> str:
    """Without its words: they may quote what a report says."""
    name = getattr(error, "name", None) or type(error).__name__
    code = getattr(error, "code", None)
    return name if code is None else f"error {code}, {name}"


def _refuse_pages(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body is JSON: send Content-Type: application/json.")
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} or "origin" in request.headers:
        raise HTTPException(403, "This is for programs, not for pages.")


async def _body(request: Request) -> bytes:
    found = b""
    async for piece in request.stream():
        found += piece
        if len(found) > MOST_BYTES:
            raise HTTPException(413, "A rules file has at most 1 MiB.")
    return found


def _read(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body or b"{}", type=_Asked)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f'The body is {{"rules": text of a rules file, or null}}: {error}.') from error
