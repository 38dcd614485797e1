"""Objects against the schemas of their kinds, where a field or a kind that nobody knows is an error.

Built-in kinds have theirs from the package kubernetes-validate, custom ones from their definitions (tests/k8s/crds).
"""

import importlib.resources
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import referencing

DEFINITIONS = Path(__file__).with_name("crds")
VERSION = "v1.36.0-local-strict"
BUILT_IN = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / VERSION


def problems(made: dict[str, Any]) -> Iterator[str]:
    """A sentence for each place where the object is not what its schema says."""
    schema = schema_of(made.get("apiVersion", ""), made.get("kind", ""))
    if schema is None:
        yield f"no schema for {made.get('apiVersion')} {made.get('kind')}"
        return
    validator = jsonschema.Draft202012Validator(schema, registry=_registry())
    for error in validator.iter_errors(made):
        yield f"{error.json_path}: {error.message[:300]}"
    for path in _nulls(made, "$"):
        yield f"{path}: null, which the server would take for absent"


def _nulls(value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from _nulls(item, f"{path}.{name}")


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """The custom resource definitions, as a server takes them."""
    return tuple(json.loads(file.read_text()) for file in sorted(DEFINITIONS.glob("*.json")))


@cache
def schema_of(api_version: str, kind: str) -> Any | None:
    group, _, version = api_version.rpartition("/")
    for definition in definitions():
        spec = definition["spec"]
        if (spec["group"], spec["names"]["kind"]) == (group, kind):
            schemas = [has["schema"]["openAPIV3Schema"] for has in spec["versions"] if has["name"] == version]
            return whole(schemas[0]) if schemas else None
    short = "-".join(filter(None, [group.partition(".")[0], version]))
    file = BUILT_IN / f"{kind.lower()}-{short}.json"
    if not re.fullmatch("[A-Za-z]+", kind) or not file.is_file():
        return None
    return json.loads(file.read_text())  # which itself asks for the whole apiVersion


@cache
def _registry() -> Any:
    contents = json.loads((BUILT_IN / "_definitions.json").read_text())
    return referencing.Registry().with_resource(contents["$id"], referencing.Resource.from_contents(contents))


def whole(schema: dict[str, Any]) -> dict[str, Any]:
    """A definition's schema as that of a whole object, whose metadata is Kubernetes' own matter."""
    strict: dict[str, Any] = _strict(schema)
    strict["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}
    return strict | {"required": sorted({*strict.get("required", []), "apiVersion", "kind", "metadata"})}


def _strict(schema: Any) -> Any:
    """OpenAPI's schema as JSON Schema, in which a field that isn't named is an error."""
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    strict = {
        name: value
        for name, value in schema.items()
        if not name.startswith("x-kubernetes-") and name not in {"format", "default", "nullable"}
    }
    if "properties" in strict:
        strict["properties"] = {name: _strict(value) for name, value in strict["properties"].items()}
        if "type" in strict and not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict.setdefault("additionalProperties", False)
    for name in ("items", "additionalProperties"):
        if name in strict:
            strict[name] = _strict(strict[name])
    if schema.get("nullable") and isinstance(strict.get("type"), str):
        strict["type"] = [strict["type"], "null"]
    return strict
