"""Schemas of custom kinds, as their authors' definitions give them."""

import jsonschema
import pytest

from tests.k8s.crds.__main__ import reduced
from tests.k8s.schemas import definitions, whole

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "description": {"type": "string", "description": "What it is for."},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "perhaps": {"type": "string", "nullable": True},
    },
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.csp.example", "annotations": {"made-by": "a tool"}},
    "spec": {
        "group": "csp.example",
        "names": {"kind": "Thing", "plural": "things"},
        "conversion": {"strategy": "Webhook"},
        "versions": [
            {"name": "v1beta1", "served": True, "storage": False, "schema": {}},
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
            },
        ],
    },
}


def valid(spec) -> bool:
    schema = whole({"type": "object", "properties": {"spec": SPEC}})
    made = {"apiVersion": "csp.example/v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": spec}
    return jsonschema.Draft202012Validator(schema).is_valid(made)


@pytest.mark.parametrize(
    "spec",
    [
        {"size": 1},
        {"size": "1Gi", "description": "a"},
        {"size": 1, "free": {"any": ["thing"]}},
        {"size": 1, "labels": {"any": "text"}},
        {"size": 1, "perhaps": None},
    ],
)
def test_what_the_definition_allows_is_right(spec):
    assert valid(spec)


@pytest.mark.parametrize(
    "spec",
    [{}, {"size": 1.5}, {"size": 1, "siez": 2}, {"size": 1, "labels": {"a": 1}}, {"size": 1, "description": None}],
)
def test_what_it_does_not_is_wrong(spec):
    assert not valid(spec)


def test_a_definition_is_taken_over_without_its_words_and_old_versions():
    taken = reduced(DEFINITION)
    (version,) = taken["spec"]["versions"]
    assert version["name"] == "v1"
    assert version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["description"] == {"type": "string"}
    assert "conversion" not in taken["spec"]
    assert taken["metadata"] == {"name": "things.csp.example"}


def test_those_here_are_as_they_would_be_taken_over():
    assert len(definitions()) >= 13
    for definition in definitions():
        assert reduced(definition) == definition
