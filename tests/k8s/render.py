"""Kustomize's rendering without kustomize: as much of it as the manifests use, and an error for the rest.

Tests need no program beside Python so. `make k8s-check` holds every overlay's rendering here equal to kubectl's.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from tests.k8s.merge import built_in, merged

Object = dict[str, Any]
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass"}
KNOWN = {
    "apiVersion", "kind", "resources", "components", "patches", "images", "namespace", "labels", "replicas",
}  # fmt: skip


class Unknown(Exception):
    """Something of kustomize's that this does not do."""


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization, as `kubectl kustomize` gives them. Raises Unknown, OSError, yaml.YAMLError."""
    return _layer(folder, [])


def _layer(folder: Path, objects: list[Object]) -> list[Object]:
    """`objects` and what the folder's kustomization adds, then changed as it says; in kustomize's order."""
    (layer,) = _documents((folder / "kustomization.yaml").read_text())
    if unknown := layer.keys() - KNOWN:
        raise Unknown(f"{folder / 'kustomization.yaml'}: {', '.join(sorted(unknown))}")
    for name in layer.get("resources", []):
        objects = objects + (_layer(folder / name, []) if (folder / name).is_dir() else _objects(folder / name))
    for name in layer.get("components", []):
        objects = _layer(folder / name, objects)
    for patch in layer.get("patches", []):
        objects = _patched(objects, folder, patch)
    for made in objects:
        if "namespace" in layer:
            _put_in(made, layer["namespace"])
        for labels in layer.get("labels", []):
            _label(made, labels)
        _count(made, layer.get("replicas", []))
        _image(made, layer.get("images", []))
    return objects


def _documents(text: str) -> Iterator[Any]:
    return yaml.load_all(text, Loader=yaml.CSafeLoader)  # ten times as fast as the one in Python


def _objects(file: Path) -> list[Object]:
    # Through JSON, so that what an anchor names twice is two things.
    return [json.loads(json.dumps(made)) for made in _documents(file.read_text()) if made]


def _patched(objects: list[Object], folder: Path, patch: Object) -> list[Object]:
    if unknown := patch.keys() - {"path", "patch", "target"}:
        raise Unknown(f"patches: {', '.join(sorted(unknown))}")
    text = patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text()
    result = objects
    for change in _documents(text):
        if isinstance(change, list):
            result = [_operated(made, change) if _is(made, patch["target"]) else made for made in result]
            continue
        target = patch.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
        if not any(_is(made, target) for made in result):
            raise Unknown(f"{folder}: nothing here for the patch of {target}")
        result = [new for made in result for new in ([made] if not _is(made, target) else _merged(made, change))]
    return result


def _is(made: Object, target: Object) -> bool:
    if unknown := target.keys() - {"kind", "name", "group", "version", "labelSelector"}:
        raise Unknown(f"target: {', '.join(sorted(unknown))}")
    group, _, version = made["apiVersion"].rpartition("/")
    labels = made["metadata"].get("labels", {})
    wanted = dict(pair.split("=") for pair in target.get("labelSelector", "").split(",") if pair)
    has = {"kind": made["kind"], "name": made["metadata"]["name"], "group": group, "version": version}
    return all(target.get(name, value) == value for name, value in has.items()) and wanted.items() <= labels.items()


def _merged(made: Object, change: Object) -> Iterator[Object]:
    if change.get("$patch") == "delete":
        return
    new = merged(made, change, keyed=built_in(made["apiVersion"]))
    yield new | {"kind": made["kind"], "metadata": new["metadata"] | {"name": made["metadata"]["name"]}}


def _operated(made: Object, operations: list[Object]) -> Object:
    """A JSON patch (RFC 6902)."""
    made = deepcopy(made)
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        at: Any = made
        for part in way:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if operation["op"] == "remove":
            del at[int(last) if isinstance(at, list) else last]
        elif operation["op"] not in {"add", "replace"}:
            raise Unknown(f"JSON patch: {operation['op']}")
        elif not isinstance(at, list):
            at[last] = operation["value"]
        elif operation["op"] == "add":
            at.insert(len(at) if last == "-" else int(last), operation["value"])
        else:
            at[int(last)] = operation["value"]
    return made


def _put_in(made: Object, namespace: str) -> None:
    if made["kind"] == "Namespace":
        made["metadata"]["name"] = namespace
    elif made["kind"] not in CLUSTER_WIDE:
        made["metadata"]["namespace"] = namespace


def _label(made: Object, labels: Object) -> None:
    if unknown := labels.keys() - {"pairs", "includeTemplates"}:
        raise Unknown(f"labels: {', '.join(sorted(unknown))}")
    made["metadata"]["labels"] = made["metadata"].get("labels", {}) | labels["pairs"]
    template = made.get("spec", {}).get("template", {})
    if labels.get("includeTemplates") and "containers" in template.get("spec", {}):
        template["metadata"]["labels"] = template["metadata"].get("labels", {}) | labels["pairs"]


def _count(made: Object, replicas: list[Object]) -> None:
    for count in replicas:
        if made["kind"] in {"Deployment", "StatefulSet"} and made["metadata"]["name"] == count["name"]:
            made["spec"]["replicas"] = count["count"]


def _image(value: Any, images: list[Object]) -> None:
    for image in images:
        for container in _containers(value):
            name, _, tag = container["image"].partition("@")[0].partition(":")
            if name == image["name"]:
                name = image.get("newName", name)
                rest = f"@{image['digest']}" if "digest" in image else f":{image.get('newTag', tag)}"
                container["image"] = name + rest


def _containers(value: Any) -> Iterator[Object]:
    if isinstance(value, list):
        for item in value:
            yield from _containers(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in {"containers", "initContainers"}:
                yield from item
            else:
                yield from _containers(item)
