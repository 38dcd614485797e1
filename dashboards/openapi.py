"""The description of the read API (OpenAPI 3.1), made of the routes themselves: what they read is what it says."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dashboards import answers
from dashboards.parameters import Parameter, Text
from dashboards.query_string import Parameters

JSON = "application/json"
_PROBLEM = "application/problem+json"
# 421: by a name that isn't the console's; 401, 429: the token is missing or wrong, or was wrong too often.
_ALWAYS = (400, 401, 405, 421, 429, 500, 503)
_CHANGE = (403, 413, 415)


class Operation(NamedTuple):
    """`answer`: a type of `answers`, or the media types of what has none."""

    summary: str
    answer: type | Iterable[str]
    parameters: tuple[Parameter, ...] = ()  # of the query
    of_path: tuple[Text, ...] = ()
    body: type | None = None
    problems: tuple[int, ...] = ()  # besides those that any can have


class Described(Route):
    """A route with its operation; of one method, and HEAD beside GET."""

    def __init__(self, path: str, endpoint: Any, operation: Operation, method: str = "GET") -> None:
        super().__init__(path, endpoint, methods=[method])
        self.operation = operation
        self.method = method.lower()


def described(others: Sequence[BaseRoute], *, needs_token: bool) -> Route:
    """Serves the description of `others`, and of itself."""

    def answer(request: Request) -> Response:
        Parameters(request.scope["query_string"], ())
        return Response(encoded, media_type=JSON)

    its = Described("/api/openapi.json", answer, Operation("This description.", [JSON]))
    encoded = msgspec.json.encode(description([*others, its], needs_token=needs_token))
    return its


def description(routes: Iterable[BaseRoute], *, needs_token: bool) -> dict[str, Any]:
    """Of those that are described. `needs_token`: it says how to bring it."""
    ours = [route for route in routes if isinstance(route, Described)]
    schemas = _Schemas(route.operation for route in ours)
    paths: dict[str, Any] = {}
    for route in ours:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "CSP-Sentinel read API",
            "version": version("csp-sentinel"),
            "description": "Times are RFC 3339, and a period is whole 10-minute windows. What is unknown or given "
            "twice is an error. Every GET can be asked as HEAD.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas.components},
    }
    if needs_token:
        schemes = {name: {"type": "http", "scheme": name} for name in ("bearer", "basic")}
        found["components"]["securitySchemes"] = schemes
        found["security"] = [{name: []} for name in schemes]
    return found


class _Schemas:
    """Of all types that operations name; `components` by name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        types = [found for its in operations for found in (its.answer, its.body) if isinstance(found, type)]
        self._types = [answers.Problem, *dict.fromkeys(types)]
        found, self.components = msgspec.json.schema_components(self._types, ref_template="#/components/schemas/{name}")
        self._of = dict(zip(self._types, found, strict=True))

    def content(self, what: type | Iterable[str], media: str = JSON) -> Mapping[str, Any]:
        if isinstance(what, type):
            return {media: {"schema": self._of[what]}}
        return {name: {} for name in what}


def _operation(route: Described, schemas: _Schemas) -> dict[str, Any]:
    its = route.operation
    change = _CHANGE if route.method == "post" else ()
    responses: dict[str, Any] = {"200": {"description": "What was asked for.", "content": schemas.content(its.answer)}}
    for status in sorted({*_ALWAYS, *change, *its.problems}):
        problem = schemas.content(answers.Problem, _PROBLEM)
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    found: dict[str, Any] = {
        "operationId": _name(route),
        "summary": its.summary,
        "parameters": [
            *(_parameter(parameter, "path") for parameter in its.of_path),
            *(_parameter(parameter, "query") for parameter in its.parameters),
        ],
        "responses": responses,
    }
    if its.body is not None:
        found["requestBody"] = {"required": True, "content": schemas.content(its.body)}
    return found


def _name(route: Described) -> str:
    return route.method + "".join(part.strip("{}").split(".")[0].title() for part in route.path.split("/")[2:])


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": parameter.meaning,
        "schema": parameter.schema,
    }
