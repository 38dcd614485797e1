"""Kubernetes' strategic merge of a patch into an object, as kustomize does it."""

from typing import Any

# What tells the items of a list apart, by the list's name; any other list is replaced whole. From the API's
# definitions (x-kubernetes-patch-merge-key).
KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),  # of a container, of a Service
    "topologySpreadConstraints": ("topologyKey",),
    "hostAliases": ("ip",),
}


def built_in(api_version: str) -> bool:
    """Of a custom kind no list has a key."""
    group = api_version.rpartition("/")[0]
    return "." not in group or group in {"networking.k8s.io", "rbac.authorization.k8s.io", "scheduling.k8s.io"}


def merged(value: Any, patch: Any, keyed: bool) -> Any:
    """`value` with `patch` over it: null takes away, `$patch: delete` and `replace` do as they say."""
    if not isinstance(value, dict) or not isinstance(patch, dict) or patch.get("$patch") == "replace":
        return _without_directives(patch)
    result = dict(value)
    for name, new in patch.items():
        if name == "$patch":
            continue
        if new is None or (isinstance(new, dict) and new.get("$patch") == "delete"):
            result.pop(name, None)
        elif keyed and name in KEYS and isinstance(new, list):
            result[name] = _merged_list(result.get(name) or [], new, name)
        else:
            result[name] = merged(result.get(name), new, keyed)
    return result


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_directives(item) for name, item in value.items() if name != "$patch" and item is not None
        }
    return value


def _merged_list(items: list[Any], new: list[Any], name: str) -> list[Any]:
    """Those of the patch come first, in its order, and then the others."""
    key = next(key for key in KEYS[name] if all(key in item for item in [*items, *new] if "$patch" not in item))
    had = {item[key]: item for item in items}
    if {"$patch": "replace"} in new:
        had = {}
    for item in new:
        if item.get("$patch") == "delete":
            had.pop(item[key], None)
    named = [item for item in new if "$patch" not in item]
    first = [merged(had.pop(item[key], {}), item, keyed=True) for item in named]
    return [*first, *had.values()]
