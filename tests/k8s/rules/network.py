"""Who may talk to whom."""

from collections.abc import Iterator
from typing import Any

from tests.k8s.objects import OPERATIONS, Object, Pods, namespace, of, pods, says, selected, selects

PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}  # as its operator labels it
COMPONENT = "app.kubernetes.io/component"
KAFKA = {9092, 9093}
NAMES = 53
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
        for port in service["spec"].get("ports", []):
            if OPERATIONS in {port.get("name"), port.get("targetPort")}:
                yield f"{says(service)}: serves the operations port"


def prometheus_reaches_what_it_scrapes(objects: list[Object]) -> Iterator[str]:
    for monitor in of(objects, "PodMonitor"):
        for pod in selected(objects, monitor["spec"]["selector"], namespace(monitor)):
            rules = [rule for policy in _policies(objects, pod) for rule in policy["spec"].get("ingress", [])]
            if pod.has_port(OPERATIONS) and not any(_only_prometheus(rule.get("from", [])) for rule in rules):
                yield f"{says(monitor)}: no policy lets Prometheus to {pod.name}"


def collectors_reach_only_kafka(objects: list[Object]) -> Iterator[str]:
    """What the whole world posts to has no way to the store, and none out."""
    for pod in pods(objects):
        if pod.labels.get(COMPONENT) != "collector":
            continue
        for policy in _policies(objects, pod):
            for rule in policy["spec"].get("egress", []):
                numbers = {port.get("port") for port in rule.get("ports", [{}])}
                named = all("podSelector" in peer for peer in rule.get("to", [{}]))
                if not (named and (numbers <= KAFKA or numbers == {NAMES})):
                    yield f"{says(policy)}: {pod.name} may reach more than Kafka and names"


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
    return bool(peers) and all(
        PROMETHEUS.items() <= peer.get("podSelector", {}).get("matchLabels", {}).items() for peer in peers
    )
