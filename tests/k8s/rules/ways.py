"""The ways that network policies open: those that the stages need, and none to everybody."""

from collections.abc import Iterator

from tests.k8s.objects import Object, Pods, namespace, of, says, selects
from tests.k8s.rules.settings import Program, settled

WHERE = "kubernetes.io/metadata.name"
NAMES = {("kube-system", ("UDP", 53)), ("kube-system", ("TCP", 53))}
KUBE_DNS = {"matchLabels": {"k8s-app": "kube-dns"}}
Way = tuple[str, tuple[str, int | str]]  # a namespace, and the protocol and port there


def policies_open_nothing_to_everybody(objects: list[Object]) -> Iterator[str]:
    """A rule without peers is of every address; an empty namespace selector is of the whole cluster."""
    for policy in of(objects, "NetworkPolicy"):
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way, []):
                if not rule.get(peers) or any(_everybody(peer) for peer in rule[peers]):
                    yield f"{says(policy)}: its {way} is open to everybody"


def _everybody(peer: Object) -> bool:
    selector = peer.get("namespaceSelector")
    return peer == {} or (selector is not None and WHERE not in selector.get("matchLabels", {}))


def stages_reach_what_they_are_told_of(objects: list[Object]) -> Iterator[str]:
    """The log, the store and the names of both; the places are in the cluster: HOST.NAMESPACE.svc."""
    for program, wanted in _wanted(objects):
        for where, (protocol, port) in sorted(wanted - opened(objects, program.made), key=str):
            yield f"{program.name}: no policy lets it to {where} at {protocol} {port}"


def collectors_reach_nothing_else(objects: list[Object]) -> Iterator[str]:
    for program, wanted in _wanted(objects):
        if program.arguments[0] == "ingest":
            for where, port in sorted(opened(objects, program.made) - wanted, key=str):
                yield f"{program.name}: may reach {where or 'anybody'} at {port}"


def _wanted(objects: list[Object]) -> Iterator[tuple[Program, set[Way]]]:
    for program, settings in settled(objects):
        addresses = list(settings.log.brokers) if settings.log else []
        if settings.store:
            addresses.append(f"{settings.store.host}:{settings.store.port}")
        wanted: set[Way] = set(NAMES)
        for host, _, port in (address.rpartition(":") for address in addresses):
            if host.endswith(".svc"):
                wanted.add((host.split(".")[-2], ("TCP", int(port))))
        yield program, wanted


def opened(objects: list[Object], pod: Pods) -> set[Way]:
    """Where a pod may go; the namespace is "" where a peer names none, or no labels of pods there."""
    found: set[Way] = set()
    for policy in of(objects, "NetworkPolicy"):
        if namespace(policy) != pod.namespace or not selects(policy["spec"]["podSelector"], pod.labels):
            continue
        for rule in policy["spec"].get("egress", []):
            ports = [(port.get("protocol", "TCP"), _span(port)) for port in rule.get("ports", [{}])]
            found |= {(_place(peer), port) for peer in rule.get("to", [{}]) for port in ports}
    return found


def _span(port: Object) -> int | str:
    """A range is not the port that was wanted, nor are all of them."""
    return f"{port['port']}-{port['endPort']}" if "endPort" in port else port.get("port", "any port")


def _place(peer: Object) -> str:
    where = str(peer.get("namespaceSelector", {}).get("matchLabels", {}).get(WHERE, ""))
    if not peer.get("podSelector") or (where == "kube-system" and peer["podSelector"] != KUBE_DNS):
        return ""
    return where
