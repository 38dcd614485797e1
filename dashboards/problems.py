"""What goes wrong, as RFC 9457 problems: one plain sentence each."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboards.clients import Busy
from dashboards.query_string import BadParameter
from schema.store import LOGIN_CODES, TablesMissing, WrongCluster


class Problem(NamedTuple):
    status: int
    sentence: str
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase


def response(problem: Problem) -> Response:
    body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.sentence}
    return Response(msgspec.json.encode(body), problem.status, problem.headers, media_type="application/problem+json")


def reads_pages(request: Request) -> bool:
    """A person in front of a browser, rather than a program."""
    return not request.scope["path"].startswith("/api/") and "text/html" in request.headers.get("accept", "")


# By ClickHouse's codes.
_TOO_MUCH = {158, 159, 160, 241, 307, 394, 396}  # a question reached one of its limits: time, memory, rows


EXPECTED = (HTTPException, BadParameter, Busy, DatabaseError, TablesMissing, WrongCluster)
AWAY = Problem(503, "The store does not answer.", {"Retry-After": "5"})


def of(error: Exception) -> Problem:
    """The problem `error` is; what is none of the known ones is ours, and told without details."""
    if isinstance(error, BadParameter):
        return Problem(400, str(error))
    if isinstance(error, Busy):
        return Problem(503, "Too many questions at once; ask again in a moment.", {"Retry-After": "5"})
    if isinstance(error, HTTPException):
        return _known(error)
    return _of_the_store(error) or Problem(500, "That went wrong here, not in your question; the log says why.")


def _of_the_store(error: Exception) -> Problem | None:
    if isinstance(error, DatabaseError) and error.code in _TOO_MUCH:
        return Problem(503, "The answer takes too long or too much memory; ask for a shorter period or filter more.")
    if isinstance(error, DatabaseError) and error.code in LOGIN_CODES:
        return Problem(503, "The store refuses the console's user: see SENTINEL_STORE.", {"Retry-After": "30"})
    if isinstance(error, OperationalError) and error.code is None:  # the connection's: no server said it
        return AWAY
    if isinstance(error, TablesMissing | WrongCluster):
        return Problem(503, f"The store can't be used: {error}.", {"Retry-After": "30"})
    return None


def _known(error: HTTPException) -> Problem:
    if error.status_code == 405:
        if (error.headers or {}).get("Allow") == "POST":
            return Problem(405, "Only POST works here.", {"Allow": "POST"})
        return Problem(405, "Only GET and HEAD work here.", {"Allow": "GET, HEAD"})
    if error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase:
        return Problem(404, "There is nothing at this address.")
    return Problem(error.status_code, error.detail, dict(error.headers or {}))
