"""Takes definitions over from an operator's YAML: python -m tests.k8s.crds FILE…"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.k8s.schemas import DEFINITIONS

# A plain `=` is a string to Kubernetes, and a type of its own to YAML 1.1.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def reduced(definition: dict[str, Any]) -> dict[str, Any]:
    """What a server needs to accept and to check objects: the stored version, and no word for a reader."""
    spec = {name: value for name, value in definition["spec"].items() if name != "conversion"}  # a web hook
    spec["versions"] = [
        {"name": version["name"], "served": True, "storage": True, "schema": _silent(version["schema"])}
        | {name: version[name] for name in ("subresources",) if name in version}
        for version in spec["versions"]
        if version["storage"]
    ]
    annotations = definition["metadata"].get("annotations", {})
    metadata = {"name": definition["metadata"]["name"]}
    if approved := annotations.get("api-approved.kubernetes.io"):  # asked for of everything under k8s.io
        metadata["annotations"] = {"api-approved.kubernetes.io": approved}
    return {name: definition[name] for name in ("apiVersion", "kind")} | {"metadata": metadata, "spec": spec}


def _silent(schema: Any) -> Any:
    """A property may be named `description`; a text is one only beside the properties."""
    if isinstance(schema, list):
        return [_silent(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _silent(item) for key, item in value.items()} if name == "properties" else _silent(value)
        for name, value in schema.items()
        if name != "description"
    }


if __name__ == "__main__":
    for file in sys.argv[1:]:
        for document in yaml.safe_load_all(Path(file).read_text()):
            if document:
                to = DEFINITIONS / f"{document['metadata']['name']}.json"
                to.write_text(json.dumps(reduced(document), separators=(",", ":")) + "\n")
