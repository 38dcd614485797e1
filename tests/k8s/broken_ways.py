"""What can be wrong with ways in and out, and with what users may do there."""

from tests.k8s.broken import CONTAINER, GONE, Broken
from tests.k8s.broken_between import COLLECTOR, PROCESSOR, STORE, USER

POLICY, STAGES, DNS = "NetworkPolicy collector", "NetworkPolicy log-and-store", "NetworkPolicy names"
KAFKA = "kafkas://collector:$(KAFKA_PASSWORD)@csp-kafka-bootstrap.kafka.svc:9093/csp-violations?security=scram-sha-512"
CLICKHOUSE = "clickhouse://sentinel:$(CLICKHOUSE_PASSWORD)@clickhouse-csp.clickhouse.svc:8123/csp?cluster=csp"
EVERY_NAMESPACE = [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"strimzi.io/kind": "Kafka"}}}]
OF_A_NAMESPACE = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "clickhouse"}}}]
STANDARD = "metadata labels pod-security.kubernetes.io/enforce"
LOG, STORED = f"{CONTAINER} env SENTINEL_LOG value", f"{CONTAINER} env SENTINEL_STORE value"

WAYS = [
    Broken("policies_open_nothing_to_everybody", STAGES, "spec egress -", {}),
    Broken("policies_open_nothing_to_everybody", "NetworkPolicy clickhouse", "spec ingress -", {}),
    Broken("policies_open_nothing_to_everybody", POLICY, "spec ingress 0 from", GONE),
    Broken("policies_open_nothing_to_everybody", POLICY, "spec ingress 0 from", [{"namespaceSelector": {}}]),
    Broken("policies_open_nothing_to_everybody", STAGES, "spec egress 0 to", EVERY_NAMESPACE),
    Broken("stages_reach_what_they_are_told_of", POLICY, "spec egress", []),
    Broken("stages_reach_what_they_are_told_of", POLICY, "spec egress 0 ports 0 port", 9092),
    Broken("stages_reach_what_they_are_told_of", STAGES, "spec egress 1 ports 0 port", 9000),
    Broken("stages_reach_what_they_are_told_of", STAGES, "spec egress 1 ports 0 protocol", "UDP"),
    Broken("stages_reach_what_they_are_told_of", STAGES, "spec egress 1", GONE),
    Broken("stages_reach_what_they_are_told_of", DNS, "", GONE),
    Broken("stages_reach_what_they_are_told_of", DNS, "spec egress 0 ports 0", GONE),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress -", {}),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress 0 to", EVERY_NAMESPACE),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress 0 to -", OF_A_NAMESPACE[0]),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress 0 to", [{"ipBlock": {"cidr": "::/0"}}]),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress 0 ports 0 port", 8123),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress 0 ports 0 endPort", 9999),
    Broken("collectors_reach_nothing_else", POLICY, "spec egress 0 ports", GONE),
    Broken("collectors_reach_nothing_else", DNS, "spec egress 0 to 0 podSelector", GONE),
    Broken("collectors_reach_nothing_else", DNS, "spec egress 0 to 0 namespaceSelector", {}),
    Broken("namespaces_enforce_a_standard", "Namespace csp-sentinel", STANDARD, "privileged"),
    Broken("namespaces_enforce_a_standard", "Namespace csp-sentinel", STANDARD, "baseline"),
    Broken("namespaces_enforce_a_standard", "Namespace csp-sentinel", STANDARD, GONE),
    Broken("namespaces_enforce_a_standard", "Namespace kafka", STANDARD, "privileged"),
]

ROUTES = [
    Broken("routes_have_their_listeners_host", "HTTPRoute console", "spec hostnames 0", "reports.csp.example"),
    Broken("routes_have_their_listeners_host", "Gateway csp-sentinel", "spec listeners 0 hostname", "csp.example"),
    Broken("hosts_lead_where_the_console_says", "HTTPRoute console", "spec hostnames 0", "reports.csp.example"),
    Broken("hosts_lead_where_the_console_says", "HTTPRoute collector", "spec hostnames", GONE),
    Broken("hosts_lead_where_the_console_says", "HTTPRoute collector", "spec rules 0 backendRefs 0 name", "console"),
    Broken("collectors_get_only_reports", "HTTPRoute collector", "spec rules 0 matches", GONE),
    Broken("collectors_get_only_reports", "HTTPRoute collector", "spec rules 0 matches 0 path value", "/"),
]

RIGHTS = [
    Broken("stages_share_their_places", COLLECTOR, LOG, KAFKA.replace("csp-violations", "csp-violations-dead")),
    Broken("stages_share_their_places", COLLECTOR, LOG, f"{KAFKA}&group=others"),
    Broken("stages_share_their_places", PROCESSOR, STORED, CLICKHOUSE.replace("/csp?", "/reports?")),
    Broken("stages_share_their_places", PROCESSOR, STORED, CLICKHOUSE.partition("?")[0]),
    Broken("kafkas_users_may_do_their_work", COLLECTOR, LOG, KAFKA.replace("collector", "reader")),
    Broken("kafkas_users_may_do_their_work", USER, "spec authorization acls 0 operations", ["Describe"]),
    Broken("kafkas_users_may_do_their_work", USER, "spec authorization acls 0 type", "deny"),
    Broken("kafkas_users_may_do_their_work", "KafkaUser processor", "spec authorization acls 2", GONE),
    Broken("kafkas_users_may_do_their_work", "KafkaUser processor", "spec authorization acls 1", GONE),
    Broken("kafkas_users_may_do_their_work", "KafkaUser init", "spec authorization acls 1", GONE),
    Broken("only_collectors_write_to_the_topic", "KafkaUser reader", "spec authorization acls 0 operations -", "Write"),
    Broken("only_collectors_write_to_the_topic", "KafkaUser init", "spec authorization acls 0 operations", ["All"]),
    Broken("clickhouses_users_may_use_the_database", PROCESSOR, STORED, CLICKHOUSE.replace("/csp?", "/reports?")),
    Broken("clickhouses_users_may_use_the_database", PROCESSOR, STORED, CLICKHOUSE.replace("sentinel", "grafana")),
    Broken(
        "clickhouses_users_may_use_the_database",
        STORE,
        "spec configuration users sentinel/grants/query",
        ["GRANT SELECT ON csp.*"],
    ),
]
