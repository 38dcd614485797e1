"""The numbers in the overlays are the capacity model's, and what is written twice is the same."""

import functools
import math
from pathlib import Path

import msgspec
import pytest

from dashboards.prometheus.__main__ import FOR_THE_OPERATOR, written
from loadtest.capacity.answers import answer
from loadtest.capacity.costs import load
from loadtest.capacity.demand import Demand
from loadtest.capacity.places import Kafka, kafka
from loadtest.capacity.plan import Plan, plan
from log.shipper import LINGER_SECONDS
from log.topic import _wanted
from sentinel import places
from sentinel.settings import Settings
from tests.k8s.objects import Object, find, of
from tests.k8s.overlays import rendered
from tests.k8s.rules.pods import amount

LOADS = {"small": Demand(5_000), "baseline-50k": Demand(50_000), "burst-500k": Demand(500_000)}
SCALED = ["baseline-50k", "burst-500k"]
COSTS = load().costs
HERE = "csp-sentinel"
ROOT = Path(__file__).parents[2]
COLLECTORS_OVER_PLAN = 1.3  # allowed: the model's costs make a request of browsers' traffic 21 µs, measured were 26


@functools.cache
def planned(name: str) -> Plan:
    return plan(LOADS[name], COSTS)


def found(overlay: str, kind: str, name: str, where: str = HERE) -> Object:
    made = find(rendered(overlay), kind, name, where)
    assert made is not None, f"{overlay} has no {kind} {name}"
    return made


def pod(overlay: str, name: str, kind: str = "Deployment") -> Object:
    return found(overlay, kind, name)["spec"]["template"]["spec"]


def environment(overlay: str, name: str, kind: str = "Deployment") -> dict[str, str]:
    return {its["name"]: its.get("value", "secret") for its in pod(overlay, name, kind)["containers"][0]["env"]}


def test_without_autoscaling_there_are_as_many_pods_as_the_peak_needs():
    its = planned("small")
    assert its.collectors.pods == its.collectors.pods_usual  # so there is nothing to scale
    assert found("small", "Deployment", "collector")["spec"]["replicas"] == its.collectors.pods
    assert found("small", "Deployment", "processor")["spec"]["replicas"] == its.processors.pods
    assert of(rendered("small"), "HorizontalPodAutoscaler", "ScaledObject") == []


def test_a_daily_peak_is_scaled_to_from_the_pods_of_the_usual_rate():
    its, scaling = planned("baseline-50k"), found("baseline-50k", "HorizontalPodAutoscaler", "collector")["spec"]
    assert scaling["minReplicas"] == its.collectors.pods_usual


def test_before_a_burst_there_are_the_collectors_with_which_the_simulation_drops_nothing():
    fleet = answer("burst", LOADS["burst-500k"], COSTS).solved.fleet
    scaling = found("burst-500k", "HorizontalPodAutoscaler", "collector")["spec"]
    assert scaling["minReplicas"] == fleet.collectors_least
    scaling = found("burst-500k", "ScaledObject", "processor")["spec"]
    assert (scaling["minReplicaCount"], scaling["maxReplicaCount"]) == (fleet.processors_least, fleet.processors_most)
    assert planned("burst-500k").kafka.partitions == fleet.partitions
    assert planned("burst-500k").collectors.spool_bytes_per_pod >= fleet.spool_bytes


def collectors_allowed(overlay: str) -> int:
    return math.ceil(planned(overlay).collectors.pods * COLLECTORS_OVER_PLAN)


@pytest.mark.parametrize("overlay", SCALED)
def test_more_collectors_are_allowed_than_the_model_finds_enough(overlay):
    scaling = found(overlay, "HorizontalPodAutoscaler", "collector")["spec"]
    assert scaling["maxReplicas"] == collectors_allowed(overlay)


@pytest.mark.parametrize("overlay", SCALED)
def test_processors_are_the_plans_and_all_of_them_where_the_lag_is_not_known(overlay):
    its, scaling = planned(overlay).processors, found(overlay, "ScaledObject", "processor")["spec"]
    assert (scaling["minReplicaCount"], scaling["maxReplicaCount"]) == (its.pods_usual, its.pods)
    assert (scaling["fallback"]["behavior"], scaling["fallback"]["replicas"]) == ("static", its.pods)


@pytest.mark.parametrize("overlay", SCALED)
def test_the_autoscalers_are_as_quick_as_the_simulations(overlay):
    cpu = found(overlay, "HorizontalPodAutoscaler", "collector")["spec"]
    lag = found(overlay, "ScaledObject", "processor")["spec"]
    assert cpu["metrics"][0]["resource"]["target"]["averageUtilization"] == COSTS.utilisation * 100
    assert lag["pollingInterval"] == COSTS.keda_poll
    for behavior in (cpu["behavior"], lag["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]):
        up = {policy["type"]: policy["value"] for policy in behavior["scaleUp"]["policies"]}
        assert {policy["periodSeconds"] for policy in behavior["scaleUp"]["policies"]} == {COSTS.hpa_sync}
        assert up == {"Percent": (COSTS.scale_up_factor - 1) * 100, "Pods": COSTS.scale_up_pods}
        assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] == COSTS.scale_down_wait


@pytest.mark.parametrize("overlay", SCALED)
def test_a_processor_more_is_wanted_for_each_backlog_of_the_simulations_length(overlay):
    """Kafka counts envelopes, as collectors pack them at their peak while they keep up."""
    backlog = COSTS.lag_target * planned(overlay).processors.reports_per_pod
    bytes_a_second = planned(overlay).collectors.spool_bytes_per_pod / (COSTS.outage_hours * 3600)
    envelope = bytes_a_second * LINGER_SECONDS / COSTS.spool_bytes
    trigger = found(overlay, "ScaledObject", "processor")["spec"]["triggers"][0]["metadata"]
    assert int(trigger["lagThreshold"]) == int(backlog / envelope)


@pytest.mark.parametrize("overlay", LOADS)
def test_spools_hold_the_longest_outage_of_kafka(overlay):
    quota = int(environment(overlay, "collector")["SENTINEL_SPOOL_MAX_BYTES"])
    assert quota == math.ceil(planned(overlay).collectors.spool_bytes_per_pod)


@pytest.mark.parametrize("overlay", LOADS)
def test_a_pod_that_ends_in_an_outage_waits_for_its_end_and_ships_a_full_spool(overlay):
    """A backlog takes a quarter of the shipper's time (log/shipper.py)."""
    reports = planned(overlay).collectors.spool_bytes_per_pod / COSTS.spool_bytes
    seconds = COSTS.outage_hours * 3600 + 4 * reports * COSTS.collector_ship / 1e6
    stops = int(environment(overlay, "collector")["SENTINEL_STOP_SECONDS"])
    assert stops >= seconds
    pause = pod(overlay, "collector")["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(overlay, "collector")["terminationGracePeriodSeconds"] == pause + stops + 30


@pytest.mark.parametrize("overlay", LOADS)
def test_collectors_and_processors_have_the_core_that_the_model_gives_them(overlay):
    for name in ("collector", "processor"):
        resources = pod(overlay, name)["containers"][0]["resources"]
        assert amount(resources["requests"]["cpu"]) == amount(resources["limits"]["cpu"]) == 1
    assert environment(overlay, "collector")["SENTINEL_WORKERS"] == "1"


def test_grafanas_user_changes_nothing_but_limits():
    """Its plugin sets max_execution_time with every query: readonly=1 refuses that."""
    configured = found("clickhouse", "ClickHouseInstallation", "csp", "clickhouse")["spec"]["configuration"]
    assert configured["profiles"][f"{configured['users']['grafana/profile']}/readonly"] == "2"


@pytest.mark.parametrize("overlay", LOADS)
def test_the_topic_is_made_with_the_plans_partitions_and_retention(overlay):
    its = environment(overlay, "init", "Job")
    assert int(its["KAFKA_PARTITIONS"]) == planned(overlay).kafka.partitions
    place = places.LOG.read(its["SENTINEL_LOG"].replace("$(KAFKA_PARTITIONS)", its["KAFKA_PARTITIONS"]))
    assert (place.partitions, place.replication) == (planned(overlay).kafka.partitions, COSTS.replication)
    assert place.retention_ms == COSTS.log_retention_hours * 3_600_000
    assert int(its["SENTINEL_RETENTION_DAYS"]) == COSTS.store_days


def test_strimzis_topics_are_those_that_init_would_make():
    its = environment("burst-500k", "init", "Job")
    place = places.LOG.read(its["SENTINEL_LOG"].replace("$(KAFKA_PARTITIONS)", its["KAFKA_PARTITIONS"]))
    for wanted in _wanted(place, Settings().max_body_bytes, {}):
        spec = found("strimzi", "KafkaTopic", wanted.name, "kafka")["spec"]
        assert (spec["partitions"], spec["replicas"]) == (wanted.partitions, wanted.replication)
        assert {name: str(value).replace("False", "false") for name, value in spec["config"].items()} == wanted.settings


def logged(overlay: str) -> Kafka:
    """With the collectors that the overlay runs at the usual rate: the more of them, the smaller their envelopes."""
    its, scaling = planned(overlay), find(rendered(overlay), "HorizontalPodAutoscaler", "collector", HERE)
    usual = scaling["spec"]["minReplicas"] if scaling else its.collectors.pods
    collecting = msgspec.structs.replace(its.collectors, pods_usual=usual)
    return kafka(LOADS[overlay], COSTS, collecting, its.processors)


def test_kafka_has_the_brokers_cores_and_disk_of_the_largest_load():
    its, brokers = logged("burst-500k"), found("strimzi", "KafkaNodePool", "broker", "kafka")["spec"]
    assert brokers["replicas"] == its.brokers
    assert amount(brokers["resources"]["requests"]["cpu"]) == COSTS.broker_cores
    disk = brokers["replicas"] * amount(brokers["storage"]["volumes"][0]["size"])
    assert its.disk_bytes <= disk < 1.2 * its.disk_bytes


def test_clickhouse_has_the_replicas_cores_and_disk_of_the_largest_load():
    spec = found("clickhouse", "ClickHouseInstallation", "csp", "clickhouse")["spec"]
    layout = spec["configuration"]["clusters"][0]["layout"]
    hosts, its = layout["shardsCount"] * layout["replicasCount"], planned("burst-500k").clickhouse
    container = spec["templates"]["podTemplates"][0]["spec"]["containers"][0]
    size = spec["templates"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    assert layout["replicasCount"] == COSTS.store_replicas
    assert its.cores <= hosts * amount(container["resources"]["requests"]["cpu"]) < 1.5 * its.cores
    assert its.disk_bytes <= hosts * amount(size) < 1.2 * its.disk_bytes


def test_the_prometheus_operators_rules_are_those_of_prometheus():
    """`python -m dashboards.prometheus` writes them anew."""
    assert FOR_THE_OPERATOR.read_text() == written()


def test_the_readme_says_what_the_overlays_say():
    cells = [line.strip("| ").split(" | ") for line in (ROOT / "k8s" / "README.md").read_text().splitlines()]
    shown = {cell[0]: cell[1:4] for cell in cells if len(cell) > 3}
    fewest = [planned(name).collectors.pods_usual for name in LOADS]
    fewest[-1] = found("burst-500k", "HorizontalPodAutoscaler", "collector")["spec"]["minReplicas"]
    most = [planned("small").collectors.pods, *map(collectors_allowed, SCALED)]
    assert shown["collectors"] == list(map(span, fewest, most))
    processing = [planned(name).processors for name in LOADS]
    assert shown["processors"] == [span(its.pods_usual, its.pods) for its in processing]
    assert shown["partitions"] == [str(planned(name).kafka.partitions) for name in LOADS]
    logs = [logged(name) for name in LOADS]
    assert shown["brokers, disk in all"] == [f"{its.brokers}, {size(its.disk_bytes)}" for its in logs]
    text = (ROOT / "k8s" / "README.md").read_text()
    assert f"burst-500k needs more of it than the plan's {size(planned('burst-500k').kafka.disk_bytes)}." in text
    stores = [planned(name).clickhouse for name in LOADS]
    assert shown["ClickHouse cores, disk in all"] == [f"{its.cores:.0f}, {size(its.disk_bytes)}" for its in stores]
    assert shown["spool a pod"] == [f"{planned(name).collectors.spool_bytes_per_pod / 1e9:.3g} GB" for name in LOADS]


def span(least: int, most: int) -> str:
    return str(most) if least == most else f"{least} to {most}"


def size(count: float) -> str:
    return f"{count / 1e12:.3g} TB" if count >= 1e12 else f"{count / 1e9:.3g} GB"
