"""What no object of its kind may look like."""

from tests.k8s.broken import CONTAINER, GONE, POD, Broken

COLLECTOR, HPA, SCALED = "Deployment collector", "HorizontalPodAutoscaler collector", "ScaledObject processor"
UNKNOWN = {"apiVersion": "csp.example/v1", "kind": "Collector", "metadata": {"name": "collector"}, "spec": {}}
RULES, MONITOR, POLICY = "PrometheusRule csp-sentinel", "PodMonitor csp-sentinel", "NetworkPolicy collector"

SHAPES = [
    Broken("schema", COLLECTOR, f"{CONTAINER} imagePullpolicy", "Always"),
    Broken("schema", COLLECTOR, f"{CONTAINER} readinessProbe httpget", {"port": "http"}),
    Broken("schema", COLLECTOR, "spec replica", 3),
    Broken("schema", COLLECTOR, "spec replicas", "three"),
    Broken("schema", COLLECTOR, f"{CONTAINER} ports http containerPort", "8080"),
    Broken("schema", COLLECTOR, f"{CONTAINER} env SENTINEL_WORKERS value", 1),
    Broken("schema", COLLECTOR, f"{CONTAINER} image", None),
    Broken("schema", COLLECTOR, f"{CONTAINER} name", GONE),
    Broken("schema", COLLECTOR, f"{POD} containers", GONE),
    Broken("schema", COLLECTOR, "spec selector", GONE),
    Broken("schema", COLLECTOR, "spec template", GONE),
    Broken("schema", COLLECTOR, "apiVersion", "apps/v1beta1"),
    Broken("schema", COLLECTOR, "apiVersion", "apps.example/v1"),
    Broken("schema", COLLECTOR, "kind", "Deploymnet"),
    Broken("schema", "Namespace csp-sentinel", "", UNKNOWN),
    Broken("schema", "Service collector", "spec ports 0 targetport", "http"),
    Broken("schema", "Service collector", "spec ports 0 port", "80"),
    Broken("schema", "PodDisruptionBudget collector", "spec maxUnavailabe", 1),
    Broken("schema", POLICY, "spec ingress 0 form", []),
    Broken("schema", POLICY, "spec policyTypes", "Ingress"),
    Broken("schema", HPA, "spec maxReplicas", GONE),
    Broken("schema", HPA, "spec behavior scaleUp stabilisationWindowSeconds", 0),
    Broken("schema", HPA, "spec metrics 0 resource target averageUtilization", "60%"),
    Broken("schema", SCALED, "spec maxReplicas", 27),
    Broken("schema", SCALED, "spec maxReplicaCount", "27"),
    Broken("schema", SCALED, "spec triggers", GONE),
    Broken("schema", SCALED, "spec triggers 0 type", GONE),
    Broken("schema", SCALED, "apiVersion", "keda.sh/v1"),
    Broken("schema", "TriggerAuthentication kafka", "spec secretTargetRef 0 key", GONE),
    Broken("schema", MONITOR, "spec podMetricsEndpoint", []),
    Broken("schema", MONITOR, "spec selector", GONE),
    Broken("schema", MONITOR, "spec podMetricsEndpoints 0 interval", 15),
    Broken("schema", RULES, "spec groups 0 rules 0 expression", "up"),
    Broken("schema", RULES, "spec groups 0 name", GONE),
    Broken("schema", "Gateway csp-sentinel", "spec gatewayClassName", GONE),
    Broken("schema", "Gateway csp-sentinel", "spec listeners 0 port", 443443),
    Broken("schema", "HTTPRoute collector", "spec rules 0 matches 0 path type", "Prefix"),
    Broken("schema", "Kafka csp", "spec kafka listeners 0 tls", GONE),
    Broken("schema", "KafkaTopic csp-violations", "spec partition", 256),
    Broken("schema", "KafkaNodePool broker", "spec roles", ["brokers"]),
    Broken("schema", "KafkaUser collector", "spec authorization acls 0 operations", ["Produce"]),
    Broken("schema", "ClickHouseInstallation csp", "spec configuration clusters 0 layout shards_count", 7),
    Broken("schema", "ClickHouseInstallation csp", "spec defaults templates podTemplate", 1),
    Broken("schema", "ClickHouseKeeperInstallation csp", "spec configuration clusters 0 layout replicasCount", "three"),
]
