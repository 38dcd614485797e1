"""Grafana's dashboards as code: `python -m dashboards.grafana` writes the JSON beside it that Grafana reads."""
