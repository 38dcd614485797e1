"""Questions that the rules ask of rendered objects."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Object = dict[str, Any]
# A pod's template, by the kind that holds it.
TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
OPERATIONS = "operations"  # the name of the port that only Prometheus may reach


class Pods(NamedTuple):
    """What a workload's pods are like."""

    owner: Object
    labels: dict[str, str]
    spec: Object

    @property
    def name(self) -> str:
        return says(self.owner)

    @property
    def namespace(self) -> str:
        return namespace(self.owner)

    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]

    def ports(self) -> list[Object]:
        return [port for container in self.containers() for port in container.get("ports", [])]

    def has_port(self, port: Any) -> bool:
        """By its name or its number."""
        return any(port in {has.get("name"), has["containerPort"]} for has in self.ports())


def says(made: Object) -> str:
    return f"{made['kind']} {made['metadata']['name']}"


def namespace(made: Object) -> str:
    return str(made["metadata"].get("namespace", "default"))


def of(objects: list[Object], *kinds: str) -> list[Object]:
    return [made for made in objects if made["kind"] in kinds]


def find(objects: list[Object], kind: str, name: str, where: str) -> Object | None:
    """The object of that kind and name in a namespace."""
    for made in of(objects, kind):
        if (made["metadata"]["name"], namespace(made)) == (name, where):
            return made
    return None


def pods(objects: list[Object]) -> list[Pods]:
    found = []
    for made in of(objects, *TEMPLATES):
        template: Any = made
        for part in TEMPLATES[made["kind"]]:
            template = template[part]
        found.append(Pods(made, template.get("metadata", {}).get("labels", {}), template["spec"]))
    return found


def selected(objects: list[Object], selector: Object | None, where: str) -> list[Pods]:
    """The pods in a namespace that a label selector means; an empty one means all, none at all none."""
    return [made for made in pods(objects) if made.namespace == where and selects(selector, made.labels)]


def selects(selector: Object | None, labels: dict[str, str]) -> bool:
    """`selector` has matchLabels and matchExpressions, as everywhere but in a Service."""
    if selector is None:
        return False
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _holds(expression: Object, labels: dict[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


def each(value: Any, name: str) -> Iterator[Any]:
    """Whatever stands under that name, at any depth."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and name in value:
        yield value[name]
    for item in inner:
        yield from each(item, name)
