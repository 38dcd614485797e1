"""The dashboards' files: what is generated, in Grafana's dashboard model, and complete."""

import re

import pytest
import yaml

from dashboards.grafana.__main__ import written
from tests.support.grafana import DASHBOARDS, FOLDER, panels

# Ids of Grafana's value formats (packages/grafana-data/src/valueFormats/categories.ts).
UNITS = {"short", "percentunit", "s", "bytes", "cps", "cpm", "reqps"}
KINDS = {"stat", "table", "timeseries"}
SOURCES = {"grafana-clickhouse-datasource": "${clickhouse}", "prometheus": "${prometheus}"}


def params(kind: str = "") -> list:
    return [pytest.param(panel, id=f"{name}: {panel['title']}") for name, panel in panels(kind)]


def test_the_files_are_what_is_generated():
    files = {path.name: path.read_text() for path in (FOLDER / "json").iterdir()}
    assert files == written(), "run `python -m dashboards.grafana`"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_complete(name):
    its = DASHBOARDS[name]
    assert its["schemaVersion"] >= 39
    assert its["title"].startswith("CSP-Sentinel: ")
    assert its["description"]
    assert its["time"]["from"].startswith("now-")
    numbers = [panel["id"] for panel in its["panels"]]
    assert len(set(numbers)) == len(numbers)
    used = set(re.findall(r"\$\{(\w+)[:}]", str(its["panels"]))) - {"__field"}
    assert used == {variable["name"] for variable in its["templating"]["list"]}


def test_dashboards_have_different_uids_and_titles():
    for key in ("uid", "title"):
        assert len({its[key] for its in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert all(len(its["uid"]) <= 40 for its in DASHBOARDS.values())  # Grafana's limit


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_on_the_grid_and_none_on_another(name):
    taken = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        its = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert its
        assert not its & taken, panel["title"]
        taken |= its


@pytest.mark.parametrize("panel", params())
def test_a_panel_says_what_it_shows_in_which_unit_and_asks_a_source_by_its_variable(panel):
    assert panel["type"] in KINDS
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        assert SOURCES[source["type"]] == source["uid"]
        assert source == panel["datasource"]


@pytest.mark.parametrize("panel", params("clickhouse"))
def test_a_question_to_clickhouse_is_bound_to_the_period(panel):
    sql = panel["targets"][0]["rawSql"]
    assert "$__timeFilter(" in sql or "$__fromTime" in sql
    assert "$site" in sql


def provisioned(folder: str) -> dict:
    [path] = (FOLDER / "provisioning" / folder).glob("*.yaml")
    return yaml.safe_load(path.read_text())


def test_the_data_sources_are_those_the_dashboards_ask_and_hold_no_address_and_no_password():
    found = provisioned("datasources")["datasources"]
    assert {its["type"] for its in found} == set(SOURCES)
    clickhouse, prometheus = found
    secrets = clickhouse["secureJsonData"]
    named = {key: clickhouse["jsonData"][key] for key in ("host", "port", "secure", "defaultDatabase", "username")}
    for value in (*named.values(), *secrets.values(), prometheus["url"]):
        assert re.fullmatch(r"\$SENTINEL_[A-Z_]+", value)


def test_the_dashboards_are_provided_from_files():
    [provider] = provisioned("dashboards")["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"]
