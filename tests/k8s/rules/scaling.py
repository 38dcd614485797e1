"""Autoscalers that have something to scale, and budgets that let a node be emptied."""

import math
from collections.abc import Iterator
from typing import Any

from tests.k8s.objects import Object, each, find, namespace, of, pods, says, selected
from tests.k8s.rules.settings import settled

# Of KEDA's Kafka scaler (keda.sh/docs/2.21/scalers/apache-kafka), as far as we use it.
KEYS = {"bootstrapServers", "consumerGroup", "topic", "lagThreshold", "activationLagThreshold", "offsetResetPolicy"}
KEYS |= {"allowIdleConsumers", "excludePersistentLag", "limitToPartitionsWithLag", "version", "sasl", "tls"}
KEDAS = {"": "none", "PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}
AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def autoscalers_have_a_target(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, *AUTOSCALERS):
        kind, name = _target(made)
        if find(objects, kind, name, namespace(made)) is None:
            yield f"{says(made)}: the {kind} {name}, which it scales, is not here"


def one_hand_sets_the_number_of_pods(objects: list[Object]) -> Iterator[str]:
    """Beside an autoscaler, `replicas` would set it back with every apply; without one it is needed."""
    targets = [(*_target(made), namespace(made)) for made in of(objects, *AUTOSCALERS)]
    for made in of(objects, "Deployment", "StatefulSet"):
        hands = targets.count((made["kind"], made["metadata"]["name"], namespace(made)))
        hands += "replicas" in made["spec"]
        if hands != 1:
            yield f"{says(made)}: its number of pods is set by {hands} hands"


def autoscalers_have_room(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, *AUTOSCALERS):
        least, most = bounds(made)
        if not 1 <= least < most:
            yield f"{says(made)}: from {least} to {most} pods"


def shares_are_of_a_request(objects: list[Object]) -> Iterator[str]:
    """An HPA's percentage is of what the containers request; of nothing it can't be taken."""
    for made in of(objects, "HorizontalPodAutoscaler"):
        asked = {metric["resource"]["name"] for metric in made["spec"].get("metrics", []) if "resource" in metric}
        for pod in pods(objects):
            if (pod.owner["kind"], pod.owner["metadata"]["name"]) == _target(made):
                for container in pod.containers():
                    for name in sorted(asked - container.get("resources", {}).get("requests", {}).keys()):
                        yield f"{says(made)}: the container {container['name']} requests no {name}"


def consumers_have_partitions(objects: list[Object]) -> Iterator[str]:
    """A group's consumer above the number of partitions has nothing to read."""
    topics = partitions(objects)
    for made in of(objects, "ScaledObject"):
        for trigger in made["spec"].get("triggers", []):
            topic = trigger.get("metadata", {}).get("topic")
            if trigger.get("type") != "kafka":
                continue
            if topic not in topics:
                yield f"{says(made)}: nobody makes the topic {topic}"
            elif bounds(made)[1] > topics[topic]:
                yield f"{says(made)}: {bounds(made)[1]} consumers for {topics[topic]} partitions"


def lag_is_asked_where_it_arises(objects: list[Object]) -> Iterator[str]:
    """The topic, group and brokers of KEDA's question are those that the scaled pods read with."""
    for made in of(objects, "ScaledObject"):
        for program, settings in settled(objects):
            place = settings.log
            if place is None or (program.made.owner["kind"], program.made.owner["metadata"]["name"]) != _target(made):
                continue
            for trigger in made["spec"]["triggers"]:
                asks = [trigger["metadata"].get(name) for name in ("topic", "consumerGroup", "bootstrapServers")]
                if asks != [place.topic, place.group, ",".join(place.brokers)]:
                    yield f"{says(made)}: asks for {asks}, which {program.name} does not read"


def triggers_are_kedas(objects: list[Object]) -> Iterator[str]:
    """KEDA passes over a key that it doesn't know; without `sasl` or `tls` it can't talk to the brokers."""
    for made in of(objects, "ScaledObject"):
        wants = {
            ("enable" if place.tls else "disable", KEDAS[place.mechanism])
            for program, settings in settled(objects)
            if (place := settings.log) and program.made.owner["metadata"]["name"] == _target(made)[1]
        }
        for trigger in made["spec"]["triggers"]:
            given = trigger["metadata"]
            for key in sorted(given.keys() - KEYS):
                yield f"{says(made)}: KEDA's trigger has no {key}"
            if "lagThreshold" not in given:
                yield f"{says(made)}: no lagThreshold"
            if wants - {(given.get("tls", "disable"), given.get("sasl", "none"))}:
                yield f"{says(made)}: talks to Kafka otherwise than the pods"


def fallbacks_take_their_figure(objects: list[Object]) -> Iterator[str]:
    """All pods that there may be; with `currentReplicas` KEDA passes over the figure."""
    for made in of(objects, "ScaledObject"):
        fallback = made["spec"].get("fallback", {})
        if fallback.get("behavior", "static") != "static" or fallback.get("replicas") != bounds(made)[1]:
            yield f"{says(made)}: not all of its pods run where the lag is not known"


def autoscalers_have_names_of_their_own(objects: list[Object]) -> Iterator[str]:
    """KEDA makes an HPA, which would take another's place."""
    names = [(namespace(made), made["metadata"]["name"]) for made in of(objects, "HorizontalPodAutoscaler")]
    for made in of(objects, "ScaledObject"):
        config = made["spec"].get("advanced", {}).get("horizontalPodAutoscalerConfig", {})
        if (namespace(made), name := config.get("name", f"keda-hpa-{made['metadata']['name']}")) in names:
            yield f"{says(made)}: its HPA would be {name}, which is another's"


def authentications_are_there(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "ScaledObject"):
        for reference in each(made["spec"], "authenticationRef"):
            if (
                find(objects, reference.get("kind", "TriggerAuthentication"), reference["name"], namespace(made))
                is None
            ):
                yield f"{says(made)}: the authentication {reference['name']} is not here"


def budgets_let_pods_go(objects: list[Object]) -> Iterator[str]:
    """With one that never does, no node can be emptied; one without pods protects nobody."""
    for made in of(objects, "PodDisruptionBudget"):
        found = selected(objects, made["spec"].get("selector"), namespace(made))
        if not found:
            yield f"{says(made)} selects no pods"
        for pod in found:
            least = fewest(objects, pod.owner)
            spec = made["spec"]
            # Both are rounded up, in percent: policy/v1.
            if "minAvailable" in spec:
                goes = least - _share(spec["minAvailable"], least)
            else:
                goes = _share(spec.get("maxUnavailable", 0), least)
            if goes < 1:
                yield f"{says(made)}: of {least} pods of {pod.name} none may go"


def _share(given: Any, of_all: int) -> int:
    if isinstance(given, int):
        return given
    return math.ceil(int(given.removesuffix("%")) * of_all / 100)


def fewest(objects: list[Object], owner: Object) -> int:
    """Pods that a workload has when it has least."""
    for made in of(objects, *AUTOSCALERS):
        if _target(made) == (owner["kind"], owner["metadata"]["name"]) and namespace(made) == namespace(owner):
            return bounds(made)[0]
    return int(owner["spec"].get("replicas", 1))


def bounds(autoscaler: Object) -> tuple[int, int]:
    """Pods at least and at most, with the defaults of HPA and KEDA."""
    spec = autoscaler["spec"]
    if autoscaler["kind"] == "ScaledObject":
        return spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", 100)
    return spec.get("minReplicas", 1), spec["maxReplicas"]


def partitions(objects: list[Object]) -> dict[str, int]:
    """Of the topics that the `init` Job or Strimzi make."""
    found = {
        made["spec"].get("topicName", made["metadata"]["name"]): made["spec"].get("partitions", 1)
        for made in of(objects, "KafkaTopic")
    }
    for program, settings in settled(objects):
        if program.arguments[0] == "init" and settings.log is not None:
            found[settings.log.topic] = settings.log.partitions
    return found


def _target(autoscaler: Object) -> tuple[str, str]:
    reference = autoscaler["spec"]["scaleTargetRef"]
    return reference.get("kind", "Deployment"), reference["name"]
