"""Rules, panels and examples for Prometheus: read by its own tools, and of metrics that there are."""

import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from schema import metrics
from tests.support.grafana import DASHBOARDS, ROOT, panels, prom_expanded

FOLDER = ROOT / "dashboards" / "prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
TESTS = ("rules_test.yml", "rules_days_test.yml")
OF_PROMETHEUS = {"job", "instance"}
WORDS = {
    "sum", "max", "count", "and", "or", "rate", "increase", "histogram_quantile", "vector",
    "avg_over_time", "min_over_time", "predict_linear", "offset",
}  # fmt: skip


def told(command: str, *arguments: object) -> str:
    if which(command) is None:
        pytest.skip(f"{command} is not here: it is in Debian's prometheus, or prometheus-alertmanager")
    found = subprocess.run([command, *map(str, arguments)], check=False, capture_output=True, text=True, cwd=FOLDER)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def exposed() -> dict[str, set[str]]:
    """What a scrape has of each metric: names of samples, with their labels."""
    found: dict[str, set[str]] = {"up": set()}
    for metric in vars(metrics).values():
        if isinstance(metric, (Counter, Gauge, Histogram)):
            name, labels = metric._name, set(metric._labelnames)
            if isinstance(metric, Counter):
                found[f"{name}_total"] = labels
            elif isinstance(metric, Gauge):
                found[name] = labels
            else:
                found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
    for rule in RULES:
        if "record" in rule:
            found[rule["record"]] = {rule["record"].partition(":")[0]} - {"sentinel"}  # its level
    return found


def expressions() -> list[tuple[str, str]]:
    """Where each stands, and what it says."""
    found = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES]
    for name, panel in panels("prometheus"):
        found += [(f"{name}: {panel['title']}", prom_expanded(target["expr"])) for target in panel["targets"]]
    return found


@pytest.mark.parametrize("where, expression", expressions())
def test_an_expression_is_of_metrics_and_labels_that_there_are(where: str, expression: str):
    known = exposed()
    bare = re.sub(r'"[^"]*"', '""', expression)
    labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", bare))
    labels |= set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", bare))))
    outside = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|group_left) \([^)]*\)|\b[\d.]+[mhd]?\b", " ", bare)
    names = set(re.findall(r"[a-z_][\w:]*", outside)) - WORDS
    assert names
    assert names <= known.keys()
    assert labels <= OF_PROMETHEUS.union(*(known[name] for name in names))


def test_promtool_can_read_the_rules_and_the_questions_of_the_panels(tmp_path: Path):
    told("promtool", "check", "rules", "rules.yml")
    rules = [{"record": f"panel:number:{number}", "expr": its} for number, (_, its) in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in told("promtool", "check", "rules", tmp_path / "panels.yml")


@pytest.mark.parametrize("file", TESTS)
def test_the_rules_do_what_their_tests_say(file: str):
    assert "SUCCESS" in told("promtool", "test", "rules", file)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_seen_to_fire_and_not_to(alert: str):
    """In one case: each of its evals names all that fires then."""
    cases = [case for file in TESTS for case in yaml.safe_load((FOLDER / file).read_text())["tests"]]
    fired = [[alert in str(its.get("exp_samples", "")) for its in case["promql_expr_test"]] for case in cases]
    assert any(len(set(its)) == 2 for its in fired)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_is_wrong_and_what_to_do(alert: str):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert all(text.endswith(".") for name, text in rule["annotations"].items() if name != "runbook_url")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alerts_section_in_the_runbook_says_meaning_place_and_cure(alert: str):
    assert ALERTS[alert]["annotations"]["runbook_url"] == f"docs/runbook.md#{alert.lower()}"
    _, found, after = (ROOT / "docs" / "runbook.md").read_text().partition(f"\n### {alert}\n")
    assert found, "no section"
    section = after.partition("\n#")[0]
    for word in ("**Means**", "**Look**", "**Do**"):
        assert word in section


def test_the_runbook_has_no_alert_that_there_is_not():
    assert re.findall(r"^### (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE) == list(ALERTS)


def test_the_examples_are_right():
    told("promtool", "check", "config", "prometheus.yml")
    told("amtool", "check-config", "alertmanager.yml")


def test_what_is_inhibited_is_an_alert():
    rules = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())["inhibit_rules"]
    for matcher in (its for rule in rules for side in ("source_matchers", "target_matchers") for its in rule[side]):
        pattern = matcher.partition('"')[2].rstrip('"')
        for one in pattern.split("|"):
            assert any(re.fullmatch(one, alert) for alert in ALERTS), one


def test_every_panel_of_health_is_of_prometheus():
    assert {panel["datasource"]["type"] for panel in DASHBOARDS["health"]["panels"]} == {"prometheus"}
