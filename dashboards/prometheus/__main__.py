"""Writes the Prometheus operator's form of `rules.yml`, so that there is one to keep."""

from pathlib import Path

import yaml

RULES = Path(__file__).with_name("rules.yml")
FOR_THE_OPERATOR = Path(__file__).parents[2] / "k8s" / "components" / "monitoring" / "rules.yaml"


def written() -> str:
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "csp-sentinel"},
        "spec": yaml.safe_load(RULES.read_text()),
    }
    head = "# Written by `python -m dashboards.prometheus` from dashboards/prometheus/rules.yml: change that.\n"
    text: str = yaml.safe_dump(rule, sort_keys=False, width=120, allow_unicode=True)
    return head + text


if __name__ == "__main__":
    FOR_THE_OPERATOR.write_text(written())
