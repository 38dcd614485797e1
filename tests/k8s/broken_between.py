"""What can be wrong between objects: names that nothing has, pods that nobody may reach, numbers that don't fit."""

from tests.k8s import overlays
from tests.k8s.broken import CONTAINER, GONE, POD, Broken
from tests.k8s.objects import says
from tests.k8s.overlays import rendered
from tests.k8s.rules.scaling import bounds, partitions

COLLECTOR, PROCESSOR = "Deployment collector", "Deployment processor"
HPA, SCALED = "HorizontalPodAutoscaler collector", "ScaledObject processor"
TOPIC, USER, STORE = "KafkaTopic csp-violations", "KafkaUser collector", "ClickHouseInstallation csp"
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
CONFIG_MAP = {"name": "SENTINEL_LOG_LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}}
BUDGET = "PodDisruptionBudget console"
AUTHENTICATION = "TriggerAuthentication kafka"
TOGETHER = {says(made): made for made in rendered(*overlays.TOGETHER)}
LEAST, _ = bounds(TOGETHER[HPA])
TRIGGER = TOGETHER[SCALED]["spec"]["triggers"][0]["metadata"]
PARTITIONS = partitions(list(TOGETHER.values()))[TRIGGER["topic"]]
LAG = TRIGGER["lagThreshold"]

REFERENCES = [
    Broken("objects_are_there_once", "Service collector", "metadata name", "console"),
    Broken("namespaces_are_there", "Service collector", "metadata namespace", GONE),
    Broken("namespaces_are_there", "Namespace csp-sentinel", "", GONE),
    Broken("config_maps_are_there", COLLECTOR, f"{CONTAINER} env -", CONFIG_MAP),
    Broken("config_maps_are_there", COLLECTOR, f"{CONTAINER} envFrom", [{"configMapRef": {"name": "settings"}}]),
    Broken("config_maps_are_there", COLLECTOR, f"{POD} volumes tmp", {"name": "tmp", "configMap": {"name": "sites"}}),
    Broken("secrets_are_told_of", COLLECTOR, f"{CONTAINER} env KAFKA_PASSWORD valueFrom secretKeyRef name", "kafka"),
    Broken("secrets_are_told_of", COLLECTOR, f"{CONTAINER} env KAFKA_PASSWORD valueFrom secretKeyRef key", "pass"),
    Broken("secrets_are_told_of", COLLECTOR, f"{POD} volumes kafka-ca secret secretName", "ca"),
    Broken("secrets_are_told_of", AUTHENTICATION, "spec secretTargetRef 0 key", "user"),
    Broken("secrets_are_told_of", "Gateway csp-sentinel", "spec listeners 0 tls certificateRefs 0 name", "tls"),
    Broken("accounts_are_there", COLLECTOR, f"{POD} serviceAccountName", "collector"),
    Broken("accounts_are_there", "ServiceAccount csp-sentinel", "", GONE),
    Broken("owners_select_their_own_pods", COLLECTOR, f"spec selector matchLabels {COMPONENT}", "ingest"),
    Broken("owners_select_their_own_pods", COLLECTOR, f"spec selector matchLabels {COMPONENT}", GONE),
    Broken("owners_select_their_own_pods", COLLECTOR, f"spec template metadata labels {COMPONENT}", "processor"),
    Broken(
        "spread_counts_its_own_pods",
        COLLECTOR,
        f"{POD} topologySpreadConstraints 0 labelSelector matchLabels {COMPONENT}",
        "ingest",
    ),
    Broken("services_reach_a_port", "Service collector", f"spec selector {COMPONENT}", "ingest"),
    Broken("services_reach_a_port", "Service collector", "spec ports 0 targetPort", "web"),
    Broken("services_reach_a_port", "Service collector", "spec ports 0 targetPort", GONE),
    Broken("routes_reach_a_service", "HTTPRoute collector", "spec rules 0 backendRefs 0 name", "collectors"),
    Broken("routes_reach_a_service", "HTTPRoute collector", "spec rules 0 backendRefs 0 port", 8080),
    Broken("routes_reach_a_service", "Service collector", "", GONE),
    Broken("routes_hang_on_a_listener", "HTTPRoute console", "spec parentRefs 0 name", "gateway"),
    Broken("routes_hang_on_a_listener", "HTTPRoute console", "spec parentRefs 0 sectionName", "web"),
    Broken("monitors_find_their_port", "PodMonitor csp-sentinel", "spec podMetricsEndpoints 0 port", "metrics"),
    Broken("monitors_find_their_port", "PodMonitor csp-sentinel", f"spec selector matchLabels {NAME}", "sentinel"),
]

SCALING = [
    Broken("autoscalers_have_a_target", HPA, "spec scaleTargetRef name", "collectors"),
    Broken("autoscalers_have_a_target", SCALED, "spec scaleTargetRef name", "process"),
    Broken("autoscalers_have_a_target", COLLECTOR, "", GONE),
    Broken("one_hand_sets_the_number_of_pods", COLLECTOR, "spec replicas", 3),
    Broken("one_hand_sets_the_number_of_pods", HPA, "", GONE),
    Broken("one_hand_sets_the_number_of_pods", "Deployment console", "spec replicas", GONE),
    Broken("autoscalers_have_room", HPA, "spec minReplicas", 100),
    Broken("autoscalers_have_room", HPA, "spec maxReplicas", LEAST),
    Broken("autoscalers_have_room", SCALED, "spec minReplicaCount", GONE),
    Broken("shares_are_of_a_request", COLLECTOR, f"{CONTAINER} resources requests cpu", GONE),
    Broken("consumers_have_partitions", SCALED, "spec maxReplicaCount", PARTITIONS + 1),
    Broken("consumers_have_partitions", "Job init", f"{CONTAINER} env KAFKA_PARTITIONS value", "16"),
    Broken("consumers_have_partitions", SCALED, "spec triggers 0 metadata topic", "reports"),
    Broken("lag_is_asked_where_it_arises", SCALED, "spec triggers 0 metadata consumerGroup", "sentinel"),
    Broken("lag_is_asked_where_it_arises", SCALED, "spec triggers 0 metadata bootstrapServers", "kafka:9092"),
    Broken("triggers_are_kedas", SCALED, "spec triggers 0 metadata lagTreshold", LAG),
    Broken("triggers_are_kedas", SCALED, "spec triggers 0 metadata lagThreshold", GONE),
    Broken("triggers_are_kedas", SCALED, "spec triggers 0 metadata sasl", GONE),
    Broken("triggers_are_kedas", SCALED, "spec triggers 0 metadata sasl", "plaintext"),
    Broken("triggers_are_kedas", SCALED, "spec triggers 0 metadata tls", GONE),
    Broken("fallbacks_take_their_figure", SCALED, "spec fallback behavior", "currentReplicas"),
    Broken("fallbacks_take_their_figure", SCALED, "spec fallback replicas", 9),
    Broken("fallbacks_take_their_figure", SCALED, "spec fallback", GONE),
    Broken(
        "autoscalers_have_names_of_their_own",
        SCALED,
        "spec advanced horizontalPodAutoscalerConfig name",
        "collector",
    ),
    Broken("authentications_are_there", SCALED, "spec triggers 0 authenticationRef name", "kafka-auth"),
    Broken("authentications_are_there", AUTHENTICATION, "", GONE),
    Broken("budgets_let_pods_go", BUDGET, "spec maxUnavailable", 0),
    Broken("budgets_let_pods_go", BUDGET, "spec maxUnavailable", "0%"),
    Broken(
        "budgets_let_pods_go", BUDGET, "spec", {"minAvailable": 2, "selector": {"matchLabels": {COMPONENT: "console"}}}
    ),
    Broken("budgets_let_pods_go", BUDGET, "spec", {"minAvailable": "51%", "selector": {}}),
    Broken("budgets_let_pods_go", BUDGET, f"spec selector matchLabels {COMPONENT}", "web"),
]

NETWORK = [
    Broken("policies_select_pods", "NetworkPolicy console", f"spec podSelector matchLabels {COMPONENT}", "web"),
    Broken("policies_select_pods", "NetworkPolicy clickhouse", "spec podSelector", {"matchLabels": {"app": "store"}}),
    Broken("namespaces_are_closed_by_default", "NetworkPolicy default-deny", "", GONE),
    Broken("namespaces_are_closed_by_default", "NetworkPolicy default-deny", "spec policyTypes", ["Egress"]),
    Broken("only_prometheus_reaches_the_operations_port", "NetworkPolicy figures", "spec ingress 0 from", GONE),
    Broken(
        "only_prometheus_reaches_the_operations_port",
        "NetworkPolicy figures",
        "spec ingress 0 from -",
        {"podSelector": {}},
    ),
    Broken(
        "only_prometheus_reaches_the_operations_port",
        "NetworkPolicy figures",
        "spec ingress 0 from 0 podSelector",
        GONE,
    ),
    Broken("only_prometheus_reaches_the_operations_port", "NetworkPolicy collector", "spec ingress 0 ports", GONE),
    Broken(
        "only_prometheus_reaches_the_operations_port", "NetworkPolicy collector", "spec ingress 0 ports 0 port", 8082
    ),
    Broken(
        "only_prometheus_reaches_the_operations_port",
        "NetworkPolicy collector",
        "spec ingress 0 ports 0",
        {"protocol": "TCP", "port": 8000, "endPort": 9000},
    ),
    Broken(
        "only_prometheus_reaches_the_operations_port",
        "Service console",
        "spec ports -",
        {"name": "operations", "port": 8082},
    ),
    Broken(
        "only_prometheus_reaches_the_operations_port",
        "NetworkPolicy figures",
        "spec ingress 0 from 0 namespaceSelector",
        {},
    ),
    Broken("only_prometheus_reaches_the_operations_port", "Service console", "spec ports 0 targetPort", 8082),
    Broken("prometheus_reaches_what_it_scrapes", "NetworkPolicy figures", "", GONE),
    Broken("policies_name_declared_ports", "NetworkPolicy console", "spec ingress 0 ports 0 port", "web"),
]

PLACES = [
    Broken("logs_are_the_kafka_here", USER, "", GONE),
    Broken("logs_are_the_kafka_here", "Kafka csp", "spec kafka listeners 0 port", 9094),
    Broken("logs_are_the_kafka_here", "Kafka csp", "spec kafka listeners 0 tls", False),
    Broken("logs_are_the_kafka_here", "Kafka csp", "metadata namespace", "csp-sentinel"),
    Broken("logs_are_the_kafka_here", TOPIC, "", GONE),
    Broken("topics_have_a_cluster", TOPIC, "metadata labels strimzi.io/cluster", "kafka"),
    Broken("users_act_on_their_topics", USER, "spec authorization acls 0 resource name", "reports"),
    Broken("stores_are_the_clickhouse_here", STORE, "metadata name", "store"),
    Broken("stores_are_the_clickhouse_here", STORE, "spec configuration clusters 0 name", "main"),
    Broken("stores_are_the_clickhouse_here", STORE, "spec configuration users sentinel/password", GONE),
]
