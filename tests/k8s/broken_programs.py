"""What can be wrong with the containers that run our image, and with secrets."""

from tests.k8s.broken import CONTAINER, Broken
from tests.k8s.broken_pods import COLLECTOR, CONSOLE, PROCESSOR, SECRET

EXEC = {"exec": {"command": ["sh", "-c", "sleep 15"]}}
SETTINGS_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "csp-sentinel"}}
USERS = "spec configuration users"
FILE = "<users><sentinel><password>hunter2</password></sentinel></users>"

PROGRAMS = [
    Broken("images_have_no_shell", COLLECTOR, f"{CONTAINER} lifecycle preStop", EXEC),
    Broken("images_have_no_shell", COLLECTOR, f"{CONTAINER} readinessProbe", EXEC),
    Broken("images_have_no_shell", COLLECTOR, f"{CONTAINER} command", ["/bin/sh", "-c"]),
    Broken("probes_ask_what_the_program_answers", COLLECTOR, f"{CONTAINER} readinessProbe httpGet path", "/readyz"),
    Broken("probes_ask_what_the_program_answers", PROCESSOR, f"{CONTAINER} livenessProbe httpGet path", "/healthz"),
    Broken("probes_ask_what_the_program_answers", CONSOLE, f"{CONTAINER} startupProbe httpGet path", "/"),
    Broken("monitors_ask_for_the_figures", "PodMonitor csp-sentinel", "spec podMetricsEndpoints 0 path", "/figures"),
    Broken("memory_is_what_was_measured", PROCESSOR, f"{CONTAINER} resources limits memory", "64Mi"),
    Broken("memory_is_what_was_measured", COLLECTOR, f"{CONTAINER} resources limits memory", "128Mi"),
]

SECRETS = [
    Broken("secrets_are_references", "Namespace csp-sentinel", "", SECRET | {"stringData": {"token": "hunter2"}}),
    Broken(
        "secrets_are_references",
        CONSOLE,
        f"{CONTAINER} env SENTINEL_CONSOLE_TOKEN",
        {"name": "SENTINEL_CONSOLE_TOKEN", "value": "hunter2"},
    ),
    Broken(
        "secrets_are_references",
        PROCESSOR,
        f"{CONTAINER} env KAFKA_PASSWORD",
        {"name": "KAFKA_PASSWORD", "value": "hunter2"},
    ),
    Broken(
        "secrets_are_references",
        PROCESSOR,
        f"{CONTAINER} env SENTINEL_STORE value",
        "clickhouse://sentinel:hunter2@clickhouse:8123/csp",
    ),
    Broken("secrets_are_references", "ClickHouseInstallation csp", f"{USERS} sentinel/password", "hunter2"),
    Broken("secrets_are_references", "ClickHouseInstallation csp", f"{USERS} init/password_sha256_hex", "f52fbd32b2b3"),
    Broken("secrets_are_references", "KafkaUser collector", "spec authentication password", "hunter2"),
    Broken("secrets_are_references", "ScaledObject processor", "spec triggers 0 metadata password", "hunter2"),
    Broken("secrets_are_references", COLLECTOR, "", SETTINGS_MAP | {"data": {"KAFKA_PASSWORD": "hunter2"}}),
    Broken("secrets_are_references", COLLECTOR, "", SETTINGS_MAP | {"data": {"users.xml": FILE}}),
    Broken("secrets_are_references", COLLECTOR, "", SETTINGS_MAP | {"data": {"our.toml": 'console_token = "hunter2"'}}),
    Broken("secrets_are_references", COLLECTOR, "", SETTINGS_MAP | {"data": {"log": "kafka://a:hunter2@kafka:9092/t"}}),
]
