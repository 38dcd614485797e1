"""The description of the API: it has every route, says what is read, and the answers are as it says."""

from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import Route

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support import hostile
from tests.support.asgi import LOCAL, ask
from tests.support.store import empty

GETS = ("totals", "violations", f"violations/{1:032x}", "groups", "series?by=browser", "top?by=blocked_host", "ledger",
        "sources", "policies", f"policies/{hostile.POLICIES[0]}", "alerts", "rejects")  # fmt: skip


@pytest.fixture(scope="module")
def app(store: Engine) -> Starlette:
    empty(store.client())
    hostile.fill(store.client())
    return build(store, lambda: 0.5, token=None, apply=lambda rules: iter([{"done": 0}]))


@pytest.fixture(scope="module")
def said(app: Starlette) -> dict[str, Any]:
    found: dict[str, Any] = ask(app, "/api/openapi.json").json
    return found


def test_it_is_openapi_3_1(said: dict[str, Any]):
    assert said["openapi"] == "3.1.0"
    validate(said)


def test_it_has_every_route_of_the_api_and_no_other(app: Starlette, said: dict[str, Any]):
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith("/api")
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert {(path, method) for path, its in said["paths"].items() for method in its} == routes
    names = [its["operationId"] for path in said["paths"].values() for its in path.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", GETS)
def test_an_answer_is_as_its_schema_says(app: Starlette, said: dict[str, Any], path: str):
    found = ask(app, f"/api/{path}")
    assert found.status == 200
    described = described_at(said, path)["get"]["responses"]["200"]["content"]
    assert list(described) == [found.headers["content-type"]]
    check(said, described["application/json"]["schema"], found.json)
    assert found.json.get("items") != []


@pytest.mark.parametrize("path", ["violations/0", "policies/0"])
def test_a_problem_is_as_its_schema_says(app: Starlette, said: dict[str, Any], path: str):
    found = ask(app, f"/api/{path}")
    problem = described_at(said, path)["get"]["responses"]["404"]["content"]
    assert list(problem) == [found.headers["content-type"]]
    check(said, problem["application/problem+json"]["schema"], found.json)


def described_at(said: dict[str, Any], path: str) -> dict[str, Any]:
    first, _, more = path.partition("?")[0].partition("/")
    [found] = [
        its for at, its in said["paths"].items() if at.split("/")[2] == first and at.count("/") == 2 + bool(more)
    ]
    return found


def check(said: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": said["components"], **schema}
    jsonschema_rs.validator_for(whole, validate_formats=True).validate(value)


def test_a_parameter_that_is_not_described_is_refused(app: Starlette, said: dict[str, Any]):
    for path, its in said["paths"].items():
        for method in its:
            found = ask(app, f"{path}?nonsense=1", method=method.upper())
            assert found.status == 400, path
            assert "'nonsense'" in found.json["detail"]


def test_each_described_parameter_is_known_and_held_to_its_bounds(app: Starlette, said: dict[str, Any]):
    for path, its in said["paths"].items():
        for parameter in its.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                name, schema = parameter["name"], parameter["schema"]
                for wrong in wrong_values(schema):
                    found = ask(app, f"{path}?{name}={wrong}")
                    assert found.status == 400, (path, name)
                    assert name in found.json["detail"]


def wrong_values(schema: dict[str, Any]) -> list[str]:
    if schema["type"] == "integer":
        return [str(schema["minimum"] - 1), str(schema["maximum"] + 1), "x"]
    return ["x" * 4097, *(["nonsense"] if "enum" in schema or "format" in schema else [])]


def test_without_the_token_nobody_reads_it_and_with_it_it_says_how_to_bring_it(store: Engine):
    closed = build(store, lambda: None, token="secret")
    assert ask(closed, "/api/openapi.json").status == 401
    said = ask(closed, "/api/openapi.json", headers=(*LOCAL, ("authorization", "Bearer secret"))).json
    assert {"bearer": []} in said["security"]
    assert set(said["components"]["securitySchemes"]) == {"bearer", "basic"}
    validate(said)
