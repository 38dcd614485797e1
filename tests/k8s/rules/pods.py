"""What holds of every pod by itself."""

import re
from collections.abc import Iterator
from typing import Any

from tests.k8s.objects import Object, Pods, of, pods, says

# An amount, as Kubernetes writes it.
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?")


def images_are_pinned(objects: list[Object]) -> Iterator[str]:
    """By a tag that is not `latest`, or a digest: so that a restart doesn't change the version."""
    for made, container in _containers(objects):
        image = container.get("image", "")
        tag = image.rpartition("/")[2].partition(":")[2]
        if not re.search(r"@sha256:[0-9a-f]{64}$", image) and tag in {"", "latest"}:
            yield f"{made.name}: the image {image!r} has no version"


def pods_are_restricted(objects: list[Object]) -> Iterator[str]:
    """The Pod Security Standard `restricted`, and a root file system that can't be written to."""
    for made in pods(objects):
        spec = made.spec
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(name):
                yield f"{made.name}: {name}"
        for volume in spec.get("volumes", []):
            if "hostPath" in volume:
                yield f"{made.name}: the volume {volume['name']} is a folder of the node's"
        for container in made.containers():
            security = spec.get("securityContext", {}) | container.get("securityContext", {})
            for missing in _missing_security(security):
                yield f"{made.name}, container {container['name']}: {missing}"
            for port in container.get("ports", []):
                if "hostPort" in port:
                    yield f"{made.name}: hostPort {port['hostPort']}"


def _missing_security(security: Object) -> Iterator[str]:
    for name, wanted in (
        ("runAsNonRoot", True),
        ("readOnlyRootFilesystem", True),
        ("allowPrivilegeEscalation", False),
        ("privileged", False),
    ):
        if security.get(name, False if name == "privileged" else None) is not wanted:
            yield f"{name} is not {str(wanted).lower()}"
    if security.get("runAsUser") == 0:
        yield "runAsUser is root"
    if security.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "no seccompProfile"
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are not dropped"


def namespaces_enforce_a_standard(objects: list[Object]) -> Iterator[str]:
    """`restricted` where our pods are; operators' pods at least `baseline`."""
    ours = {pod.namespace for pod in pods(objects)}
    for made in of(objects, "Namespace"):
        name = made["metadata"]["name"]
        enforced = made["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
        if enforced != "restricted" and (name in ours or enforced != "baseline"):
            yield f"{says(made)} enforces {enforced}"


def nothing_asks_the_api_server(objects: list[Object]) -> Iterator[str]:
    for made in pods(objects):
        if made.spec.get("automountServiceAccountToken") is not False:
            yield f"{made.name}: has a token for the API server"


def resources_are_bounded(objects: list[Object]) -> Iterator[str]:
    for made, container in _containers(objects):
        where = f"{made.name}, container {container['name']}"
        given = {name: container.get("resources", {}).get(name, {}) for name in ("requests", "limits")}
        for part, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if name not in given[part]:
                yield f"{where}: no {part}.{name}"
        for name, limit in given["limits"].items():
            if amount(given["requests"].get(name, 0)) > amount(limit):
                yield f"{where}: more {name} requested than allowed"
    for made in pods(objects):
        for volume in made.spec.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
                yield f"{made.name}: the volume {volume['name']} has no sizeLimit"


def disks_hold_their_volumes(objects: list[Object]) -> Iterator[str]:
    """A pod that writes more than its containers' limits is evicted, and its emptyDirs, the spool, are gone with it."""
    for made in pods(objects):
        volumes = [volume.get("emptyDir") or {} for volume in made.spec.get("volumes", [])]
        for name, medium in (("ephemeral-storage", ""), ("memory", "Memory")):
            size = sum(amount(its.get("sizeLimit", "0")) for its in volumes if its.get("medium", "") == medium)
            for given in ("requests", "limits"):
                has = [its.get("resources", {}).get(given, {}).get(name) for its in made.spec["containers"]]
                if None not in has and sum(map(amount, has)) < size:
                    yield f"{made.name}: its volumes hold more than its {given}.{name}"


def amounts_can_be_read(objects: list[Object]) -> Iterator[str]:
    """Their schema takes any text."""
    for made, container in _containers(objects):
        for given in container.get("resources", {}).values():
            for name, value in given.items() if isinstance(given, dict) else ():
                if not QUANTITY.fullmatch(str(value)):
                    yield f"{made.name}, container {container['name']}: {name} {value!r} is no amount"
    for made in pods(objects):
        for volume in made.spec.get("volumes", []):
            size = (volume.get("emptyDir") or {}).get("sizeLimit", "0")
            if not QUANTITY.fullmatch(str(size)):
                yield f"{made.name}, volume {volume['name']}: sizeLimit {size!r} is no amount"


def amount(text: Any) -> float:
    """Of a Kubernetes quantity: cores, or bytes; infinite where it is none."""
    if not QUANTITY.fullmatch(str(text)):
        return float("inf")
    number, suffix = re.fullmatch(r"([\d.]+)(\D*)", str(text)).groups()
    if suffix == "m":
        return float(number) / 1000
    power = "kMGTPE".find(suffix[0].replace("K", "k")) + 1 if suffix else 0
    return float(number) * float(1024 if suffix.endswith("i") else 1000) ** power


def probes_ask_declared_ports(objects: list[Object]) -> Iterator[str]:
    """No tool notices a probe of a port that the container doesn't declare."""
    for made, container in _containers(objects):
        hooks = container.get("lifecycle", {})
        asks = {name: container.get(name) for name in ("startupProbe", "readinessProbe", "livenessProbe")} | hooks
        declared = {port.get("name") for port in container.get("ports", [])}
        declared |= {port["containerPort"] for port in container.get("ports", [])}
        for name, ask in asks.items():
            for how in ("httpGet", "tcpSocket", "grpc"):
                if how in (ask or {}) and ask[how].get("port") not in declared:
                    yield f"{made.name}, container {container['name']}: {name} asks port {ask[how].get('port')!r}"


def what_serves_is_probed(objects: list[Object]) -> Iterator[str]:
    for made, container in _containers(objects):
        if container.get("ports"):
            for name in ("readinessProbe", "livenessProbe"):
                if name not in container:
                    yield f"{made.name}, container {container['name']}: no {name}"


def names_are_used_once(objects: list[Object]) -> Iterator[str]:
    """Of two of the same name in a list the server takes one, or neither."""
    for made in pods(objects):
        lists = {"container": made.containers(), "port": made.ports(), "volume": made.spec.get("volumes", [])}
        lists |= {f"variable of {has['name']}": has.get("env", []) for has in made.containers()}
        for what, items in lists.items():
            names = [item.get("name") for item in items]
            for name in sorted({str(name) for name in names if names.count(name) > 1}):
                yield f"{made.name}: {what} {name} twice"


def volumes_are_there_and_used(objects: list[Object]) -> Iterator[str]:
    for made in pods(objects):
        has = {volume["name"] for volume in made.spec.get("volumes", [])}
        has |= {claim["metadata"]["name"] for claim in made.owner.get("spec", {}).get("volumeClaimTemplates", [])}
        used = {mount["name"] for container in made.containers() for mount in container.get("volumeMounts", [])}
        for name in sorted(used - has):
            yield f"{made.name}: mounts the volume {name}, which it does not have"
        for name in sorted(has - used):
            yield f"{made.name}: no container mounts the volume {name}"


def _containers(objects: list[Object]) -> Iterator[tuple[Pods, Object]]:
    for made in pods(objects):
        for container in made.containers():
            yield made, container
