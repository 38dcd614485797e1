"""Every name that an object holds is that of something there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.k8s.objects import TEMPLATES, Object, Pods, each, find, namespace, of, pods, says, selected
from tests.k8s.render import CLUSTER_WIDE

# Its table of Secrets tells whoever installs this which to make: their values are nowhere here.
README = Path(__file__).parents[3] / "k8s" / "README.md"
CONFIG_MAPS = (("configMapKeyRef", "name"), ("configMapRef", "name"), ("configMap", "name"))


def objects_are_there_once(objects: list[Object]) -> Iterator[str]:
    keys = [(made["apiVersion"].partition("/")[0], says(made), namespace(made)) for made in objects]
    for _, name, where in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"{name} is in {where} twice"


def namespaces_are_there(objects: list[Object]) -> Iterator[str]:
    """A component's objects are in none, and so in `default`, where the overlay doesn't name one."""
    has = {made["metadata"]["name"] for made in of(objects, "Namespace")}
    for made in objects:
        if made["kind"] not in CLUSTER_WIDE and namespace(made) not in has:
            yield f"{says(made)} is in the namespace {namespace(made)}, which is not here"


def config_maps_are_there(objects: list[Object]) -> Iterator[str]:
    for made in pods(objects):
        for kind, name in CONFIG_MAPS:
            for reference in each(made.spec, kind):
                config_map = find(objects, "ConfigMap", reference.get(name), made.namespace)
                if config_map is None:
                    if not reference.get("optional"):
                        yield f"{made.name}: the ConfigMap {reference.get(name)} is not here"
                    continue
                for key in [item["key"] for item in (*reference.get("items", []), reference) if "key" in item]:
                    if key not in config_map.get("data", {}):
                        yield f"{made.name}: the ConfigMap {reference[name]} has no {key}"


def secrets_are_told_of(objects: list[Object]) -> Iterator[str]:
    told = secrets_to_make()
    for made in objects:
        for name, key in _secrets(made):
            if name not in told:
                yield f"{says(made)}: k8s/README.md does not tell of the Secret {name}"
            elif key and key not in told[name]:
                yield f"{says(made)}: k8s/README.md does not tell of {key} in the Secret {name}"


def secrets_to_make() -> dict[str, set[str]]:
    """The keys of each, from the README."""
    rows = [line.split("|") for line in README.read_text().splitlines() if re.match(r"\| `[^|/]+` \| [^|]*`", line)]
    return {name: set(re.findall("`([^`]+)`", row[2])) for row in rows for name in re.findall("`([^`]+)`", row[1])}


def _secrets(made: Object) -> Iterator[tuple[str, str]]:
    """Name and key of those that an object of ours asks for; "" is all keys."""
    if made["kind"] in {"Ingress", *TEMPLATES}:
        for reference in each(made["spec"], "secretKeyRef"):
            yield reference["name"], reference["key"]
        for name in each(made["spec"], "secretName"):
            yield name, ""
    if made["kind"] == "TriggerAuthentication":
        for reference in made["spec"].get("secretTargetRef", []):
            yield reference["name"], reference["key"]
    if made["kind"] == "Gateway":
        for references in each(made["spec"], "certificateRefs"):
            yield from ((reference["name"], "") for reference in references)


def accounts_are_there(objects: list[Object]) -> Iterator[str]:
    for made in pods(objects):
        name = made.spec.get("serviceAccountName", "default")
        if name != "default" and find(objects, "ServiceAccount", name, made.namespace) is None:
            yield f"{made.name}: the ServiceAccount {name} is not here"


def owners_select_their_own_pods(objects: list[Object]) -> Iterator[str]:
    """And nobody else's: two Deployments of one selector fight over each other's pods."""
    for made in pods(objects):
        selector = made.owner.get("spec", {}).get("selector")
        if made.owner["kind"] in {"Job", "CronJob", "Pod"} and selector is None:
            continue
        names = [other.name for other in selected(objects, selector, made.namespace)]
        if names != [made.name]:
            yield f"{made.name}: selects the pods of {', '.join(names) or 'nobody'}"


def spread_counts_its_own_pods(objects: list[Object]) -> Iterator[str]:
    for made in pods(objects):
        for constraint in made.spec.get("topologySpreadConstraints", []):
            counted = selected(objects, constraint.get("labelSelector"), made.namespace)
            if [other.name for other in counted] != [made.name]:
                yield f"{made.name}: a topologySpreadConstraint counts other pods"


def services_reach_a_port(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "Service"):
        if made["spec"].get("type") == "ExternalName":
            continue
        behind = behind_service(objects, made)
        if not behind:
            yield f"{says(made)} selects no pods"
        for port in made["spec"].get("ports", []):
            target = port.get("targetPort", port["port"])
            for pod in behind:
                if not pod.has_port(target):
                    yield f"{says(made)}: {pod.name} has no port {target!r}"


def behind_service(objects: list[Object], service: Object) -> list[Pods]:
    return selected(objects, {"matchLabels": service["spec"].get("selector", {})}, namespace(service))


def routes_reach_a_service(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "Ingress"):
        for backend in each(made["spec"], "service"):
            yield from _reaches(objects, made, backend["name"], backend["port"])
    for made in of(objects, "HTTPRoute"):
        for backends in each(made["spec"], "backendRefs"):
            for backend in backends:
                yield from _reaches(objects, made, backend["name"], {"number": backend.get("port")})


def _reaches(objects: list[Object], made: Object, name: str, port: Object) -> Iterator[str]:
    service = find(objects, "Service", name, namespace(made))
    if service is None:
        yield f"{says(made)}: the Service {name} is not here"
        return
    if not any(port in ({"name": has.get("name")}, {"number": has["port"]}) for has in service["spec"]["ports"]):
        yield f"{says(made)}: the Service {name} has no port {port}"


def routes_hang_on_a_listener(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "HTTPRoute"):
        for parent in made["spec"].get("parentRefs", []):
            gateway = find(objects, "Gateway", parent["name"], parent.get("namespace", namespace(made)))
            if gateway is None:
                yield f"{says(made)}: the Gateway {parent['name']} is not here"
            elif "sectionName" in parent:
                names = [listener["name"] for listener in gateway["spec"]["listeners"]]
                if parent["sectionName"] not in names:
                    yield f"{says(made)}: the Gateway {parent['name']} has no listener {parent['sectionName']}"


def monitors_find_their_port(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "PodMonitor"):
        found = selected(objects, made["spec"]["selector"], namespace(made))
        yield from _monitored(made, found, made["spec"].get("podMetricsEndpoints", []), Pods.has_port)
    for made in of(objects, "ServiceMonitor"):
        wanted = made["spec"]["selector"].get("matchLabels", {})
        services = [
            has for has in of(objects, "Service") if wanted.items() <= has["metadata"].get("labels", {}).items()
        ]
        yield from _monitored(made, services, made["spec"].get("endpoints", []), _service_has_port)


def _monitored(made: Object, found: list[Any], endpoints: list[Object], has_port: Any) -> Iterator[str]:
    for endpoint in endpoints:
        if not any(has_port(one, endpoint.get("port")) for one in found):
            yield f"{says(made)}: nothing that it selects has the port {endpoint.get('port')!r}"


def _service_has_port(service: Object, name: str) -> bool:
    return any(port.get("name") == name for port in service["spec"]["ports"])
