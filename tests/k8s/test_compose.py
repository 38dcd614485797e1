"""compose.yaml: its stages' orders and settings are the program's, its files are there, no password is in it."""

import re
from pathlib import Path

import pytest
import yaml

from sentinel.command_line import parser
from sentinel.settings import read

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
STAGES = {name: its for name, its in SERVICES.items() if "command" in its}
GIVEN = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / "compose.example.env").read_text(), re.MULTILINE))


def filled(environment):
    """As with an .env in which each password is its own name."""
    return {name: re.sub(r"\$\{(\w+)(:[-?][^}]*)?\}", r"\1", str(value)) for name, value in environment.items()}


def test_every_stage_is_there():
    assert set(STAGES) == {"init", "ingest", "process", "console", "alerts"}
    assert set(SERVICES) - set(STAGES) == {"kafka", "clickhouse", "prometheus", "grafana"}


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_order_and_settings_are_taken_by_the_program(name):
    its = STAGES[name]
    assert parser().parse_args(its["command"]).command == its["command"][0]
    settings = read({name: value for name, value in filled(its["environment"]).items() if name != "SENTINEL_WEBHOOKS"},
                    None, {}).settings  # fmt: skip
    assert settings.log.brokers == ("kafka:9092",)
    assert settings.store.host == "clickhouse"
    assert settings.ops_host == "0.0.0.0"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_no_rights_and_nothing_to_write_to_but_its_spool(name):
    its = STAGES[name]
    assert its["read_only"] is True
    assert its["cap_drop"] == ["ALL"]
    assert its.get("volumes", []) == (["spool:/var/lib/csp-sentinel"] if name == "ingest" else [])


def test_prometheus_asks_every_stage_that_stays():
    asked = yaml.safe_load(COMPOSE["configs"]["prometheus"]["content"])["scrape_configs"][0]
    assert asked["job_name"] == "csp-sentinel"
    assert set(asked["static_configs"][0]["targets"]) == {f"{name}:8082" for name in set(STAGES) - {"init"}}


def test_every_mounted_file_is_there():
    mounted = [volume.split(":")[0] for its in SERVICES.values() for volume in its.get("volumes", [])]
    assert [path for path in mounted if path.startswith(".") and not (ROOT / path).exists()] == []


def test_grafana_is_given_every_variable_that_its_data_sources_ask_for():
    text = (ROOT / "dashboards/grafana/provisioning/datasources/csp-sentinel.yaml").read_text()
    assert set(re.findall(r"\$(SENTINEL_\w+)", text)) <= set(SERVICES["grafana"]["environment"])


def test_grafanas_user_changes_nothing_but_limits():
    """Its plugin sets max_execution_time with every query: readonly=1 refuses that."""
    (text,) = (its["content"] for its in COMPOSE["configs"].values() if "<grafana>" in its["content"])
    profile = re.search(r"<profile>(\w+)</profile>", text)[1]
    assert f"<profiles><{profile}><readonly>2</readonly></{profile}></profiles>" in text


def test_only_reports_come_from_other_machines():
    published = [port for its in SERVICES.values() for port in its.get("ports", [])]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == ["8080:8080"]


def test_images_are_of_a_version():
    assert all(re.search(r":v?\d+\.\d+", its["image"]) for its in SERVICES.values())


def test_passwords_come_from_a_file_that_git_passes_over():
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == set(GIVEN)
    assert set(GIVEN.values()) == {""}
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
