"""Who may talk to whom."""

from collections.abc import Iterator
from typing import Any

from tests.k8s.objects import OPERATIONS, Object, Pods, namespace, of, pods, says, selected, selects

PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}  # as its operator labels it
# How operators label the pods they make of their objects.
OPERATORS = {
    "ClickHouseInstallation": "clickhouse.altinity.com/chi",
    "ClickHouseKeeperInstallation": "clickhouse-keeper.altinity.com/chk",
    "Kafka": "strimzi.io/cluster",
}


def policies_select_pods(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "NetworkPolicy"):
        selector, where = made["spec"]["podSelector"], namespace(made)
        operated = [
            {OPERATORS[owner["kind"]]: owner["metadata"]["name"]}
            for owner in of(objects, *OPERATORS)
            if namespace(owner) == where
        ]
        if not selected(objects, selector, where) and not any(selects(selector, labels) for labels in operated):
            yield f"{says(made)} selects no pods"


def namespaces_are_closed_by_default(objects: list[Object]) -> Iterator[str]:
    """A pod that no policy selects, one that comes tomorrow, may talk to anybody, and anybody to it."""
    closed = {
        (namespace(policy), way)
        for policy in of(objects, "NetworkPolicy")
        for way in policy["spec"].get("policyTypes", ["Ingress"])
        if not policy["spec"]["podSelector"]
    }
    for where in sorted({pod.namespace for pod in pods(objects)}):
        for way in ("Ingress", "Egress"):
            if (where, way) not in closed:
                yield f"Namespace {where}: no policy closes the {way} of every pod"


def only_prometheus_reaches_the_operations_port(objects: list[Object]) -> Iterator[str]:
    for pod in pods(objects):
        numbers = {port["containerPort"] for port in pod.ports() if port.get("name") == OPERATIONS}
        for policy in _policies(objects, pod):
            for rule in policy["spec"].get("ingress", []):
                opened = [port for port in rule.get("ports", [{}]) if _covers(port, {OPERATIONS, *numbers})]
                if numbers and opened and not _only_prometheus(rule.get("from", [])):
                    yield f"{says(policy)}: others than Prometheus reach the operations port of {pod.name}"
    for service in of(objects, "Service"):
        found = selected(objects, {"matchLabels": service["spec"].get("selector", {})}, namespace(service))
        numbers = {has["containerPort"] for pod in found for has in pod.ports() if has.get("name") == OPERATIONS}
        for port in service["spec"].get("ports", []):
            if {OPERATIONS, *numbers} & {port.get("name"), port.get("targetPort", port["port"])}:
                yield f"{says(service)}: serves the operations port"


def prometheus_reaches_what_it_scrapes(objects: list[Object]) -> Iterator[str]:
    for monitor in of(objects, "PodMonitor"):
        for pod in selected(objects, monitor["spec"]["selector"], namespace(monitor)):
            rules = [rule for policy in _policies(objects, pod) for rule in policy["spec"].get("ingress", [])]
            if pod.has_port(OPERATIONS) and not any(_only_prometheus(rule.get("from", [])) for rule in rules):
                yield f"{says(monitor)}: no policy lets Prometheus to {pod.name}"


def policies_name_declared_ports(objects: list[Object]) -> Iterator[str]:
    for policy in of(objects, "NetworkPolicy"):
        found = selected(objects, policy["spec"]["podSelector"], namespace(policy))
        for rule in policy["spec"].get("ingress", []):
            for port in rule.get("ports", []):
                if found and not any(pod.has_port(port.get("port")) for pod in found):
                    yield f"{says(policy)}: no pod that it selects has the port {port.get('port')!r}"


def _policies(objects: list[Object], pod: Pods) -> list[Object]:
    return [
        made
        for made in of(objects, "NetworkPolicy")
        if namespace(made) == pod.namespace and selects(made["spec"]["podSelector"], pod.labels)
    ]


def _covers(port: Object, ports: set[Any]) -> bool:
    """A rule's port, which may be absent (all) or a range."""
    if "port" not in port or port["port"] in ports:
        return True
    numbers = [number for number in ports if isinstance(number, int)]
    return "endPort" in port and any(port["port"] <= number <= port["endPort"] for number in numbers)


def _only_prometheus(peers: list[Object]) -> bool:
    """In one namespace: in another anybody may label a pod so."""
    return bool(peers) and all(
        PROMETHEUS.items() <= peer.get("podSelector", {}).get("matchLabels", {}).items()
        and "kubernetes.io/metadata.name" in peer.get("namespaceSelector", {}).get("matchLabels", {})
        for peer in peers
    )
