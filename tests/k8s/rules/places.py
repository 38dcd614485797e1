"""Where the overlays of Kafka and ClickHouse are rendered beside the stages: the stages' URLs lead to them."""

from collections.abc import Iterator

from tests.k8s.objects import Object, namespace, of, says
from tests.k8s.rules.settings import settled


def logs_are_the_kafka_here(objects: list[Object]) -> Iterator[str]:
    """Strimzi's Service of a cluster's listeners, a user of it, and a topic."""
    if not of(objects, "Kafka"):
        return
    brokers = {
        (f"{made['metadata']['name']}-kafka-bootstrap.{namespace(made)}.svc:{listener['port']}", listener["tls"])
        for made in of(objects, "Kafka")
        for listener in made["spec"]["kafka"]["listeners"]
    }
    users = {made["metadata"]["name"] for made in of(objects, "KafkaUser")}
    topics = {made["metadata"]["name"] for made in of(objects, "KafkaTopic")}
    for program, settings in settled(objects):
        if (place := settings.log) is None:
            continue
        if not {(broker, place.tls) for broker in place.brokers} <= brokers:
            yield f"{program.name}: no listener of Kafka is {', '.join(place.brokers)}"
        if place.user not in users:
            yield f"{program.name}: Kafka has no user {place.user!r}"
        if place.topic not in topics:
            yield f"{program.name}: Kafka has no topic {place.topic!r}"


def topics_have_a_cluster(objects: list[Object]) -> Iterator[str]:
    clusters = {(made["metadata"]["name"], namespace(made)) for made in of(objects, "Kafka")}
    for made in of(objects, "KafkaTopic", "KafkaUser", "KafkaNodePool"):
        name = made["metadata"].get("labels", {}).get("strimzi.io/cluster")
        if (name, namespace(made)) not in clusters:
            yield f"{says(made)}: the Kafka {name} is not here"


def users_act_on_their_topics(objects: list[Object]) -> Iterator[str]:
    topics = {made["metadata"]["name"] for made in of(objects, "KafkaTopic")}
    for made in of(objects, "KafkaUser"):
        for acl in made["spec"].get("authorization", {}).get("acls", []):
            if acl["resource"]["type"] == "topic" and acl["resource"].get("name") not in topics:
                yield f"{says(made)}: Kafka has no topic {acl['resource'].get('name')!r}"


def stores_are_the_clickhouse_here(objects: list[Object]) -> Iterator[str]:
    """The operator's Service of an installation, one of its clusters, and a user of it."""
    installed = of(objects, "ClickHouseInstallation")
    if not installed:
        return
    hosts = {f"clickhouse-{made['metadata']['name']}.{namespace(made)}.svc" for made in installed}
    configured = [made["spec"].get("configuration", {}) for made in installed]
    clusters = {cluster["name"] for has in configured for cluster in has.get("clusters", [])}
    users = {name.removesuffix("/password") for has in configured for name in has.get("users", {})}
    for program, settings in settled(objects):
        if (place := settings.store) is None:
            continue
        for what, name, there in (
            ("installation", place.host, hosts),
            ("cluster", place.cluster, clusters),
            ("user", place.user, users),
        ):
            if name not in there:
                yield f"{program.name}: ClickHouse has no {what} {name!r}"
