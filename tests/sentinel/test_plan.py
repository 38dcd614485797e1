"""`csp-sentinel plan`: table, JSON, chart, and sentences where it can't."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from loadtest.capacity.arguments import SCENARIOS
from loadtest.capacity.costs import load
from loadtest.capacity.scenarios import SCENARIOS as PLAYED
from sentinel.cli import main

SVG = "{http://www.w3.org/2000/svg}"


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def words(svg: str) -> set[str]:
    return {"".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")}


def test_without_a_word_it_shows_four_loads_beside_the_reference(capsys):
    code, out, _ = ran(capsys)
    assert code == 0
    assert all(f"{rps} RPS" in out for rps in ("50,000", "100,000", "500,000", "1,000,000"))
    assert all(word in out for word in ("reference", " 36 ", " 130 ", " 512 ", "13,900", "3,800-5,000"))


def test_the_notes_name_every_assumption_of_the_plan(capsys):
    _, out, _ = ran(capsys, "--rps", "500000")
    named = [name for name in load().assumed if f"{name} " in out]
    assert {"array_share", "connection_share", "utilisation", "peak_hours", "broker_cores", "disk_fill"} <= set(named)
    assert "2026-11-27" in out


def test_its_json_has_names_that_stay(capsys):
    _, out, _ = ran(capsys, "--rps", "500000", "--burst", "10", "--repeats", "0.8", "--json")
    found = json.loads(out)
    assert list(found) == ["plans", "reference", "notes", "figures"]
    (plan,) = found["plans"]
    assert {name: list(part) for name, part in plan.items()} == {
        "demand": ["rps", "burst", "repeats", "growth"],
        "peak": ["posts", "reports", "preflights", "connections"],
        "usual": ["posts", "reports", "preflights", "connections"],
        "collectors": ["pods", "pods_usual", "cores_used", "posts_per_pod", "spool_bytes_per_pod", "spool_bytes"],
        "processors": ["pods", "pods_usual", "cores_used", "reports_per_pod"],
        "kafka": ["partitions", "brokers", "brokers_for", "cores", "in_bytes_per_second",
                  "replicated_bytes_per_second", "out_bytes_per_second", "disk_bytes"],
        "clickhouse": ["cores", "rows_per_second", "rows", "disk_bytes"],
        "network": ["in_bytes_per_second", "out_bytes_per_second"],
        "monthly": ["cores", "disk", "traffic", "cost"],
    }  # fmt: skip
    assert plan["demand"] == {"rps": 500_000, "burst": 10, "repeats": 0.8, "growth": 2}
    assert plan["usual"]["posts"] == 50_000
    assert (found["reference"]["collectors"], found["reference"]["processors"]) == (36, 130)
    assert found["figures"]["collector_post"]["unit"] == "µs/POST"


def test_several_loads_are_several_plans(capsys):
    _, out, _ = ran(capsys, "--rps", "1e5", "2e5", "--json")
    assert [plan["demand"]["rps"] for plan in json.loads(out)["plans"]] == [100_000, 200_000]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_simulation_says_what_is_dropped_and_what_must_be_there_before(capsys, tmp_path, name):
    chart = tmp_path / "chart.svg"
    code, out, _ = ran(capsys, "--rps", "500000", "--simulate", name, "--chart", str(chart))
    assert code == 0
    assert "reports dropped" in out
    assert "0 (0.0%)" in out
    assert "So that nothing is dropped" in out
    assert {"Load", "Ready pods", "Dropped by then", "Waiting", "Lag", "minutes"} <= words(chart.read_text())


def test_a_simulations_json_has_both_runs_and_their_moments(capsys):
    _, out, _ = ran(capsys, "--rps", "500000", "--simulate", "burst", "--json")
    found = json.loads(out)
    assert list(found) == ["demand", "scenario", "about", "planned", "solved", "figures"]
    assert found["solved"]["outcome"]["dropped"] == 0
    assert found["solved"]["fleet"]["collectors_least"] > found["planned"]["fleet"]["collectors_least"]
    assert 100 < len(found["solved"]["moments"]) <= 600
    assert {"second", "load", "collectors", "processors", "lag"} <= set(found["solved"]["moments"][0])


def test_the_scenarios_that_may_be_named_are_those_that_are_played():
    assert tuple(PLAYED) == SCENARIOS


def test_a_chart_is_well_formed_and_has_the_reference(capsys, tmp_path):
    chart = tmp_path / "plan.svg"
    ran(capsys, "--chart", str(chart))
    assert {"Collector pods at the peak", "500,000 RPS", "reference, 500k", "36", "130", "512"} <= words(
        chart.read_text()
    )


def test_costs_of_ones_own_are_used_and_prices_give_a_sum(capsys, tmp_path):
    costs = tmp_path / "costs.json"
    costs.write_text(json.dumps({"figures": {"processor_typical": {"value": 9}, "price_core": {"value": 20}}}))
    _, out, _ = ran(capsys, "--rps", "500000", "--costs", str(costs), "--json")
    (plan,) = json.loads(out)["plans"]
    assert plan["processors"]["pods"] == 9  # 737,500 x 9 µs / 0.8 = 8.3
    assert plan["monthly"]["cost"] == pytest.approx(20 * plan["monthly"]["cores"]["quantity"])


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--rps", "many"], "'many': a rate is a number of POSTs a second, more than 0, like 500000"),
        (["--rps", "0"], "'0': a rate is"),
        (["--rps", "-5"], "a rate is"),
        (["--rps", "nan"], "'nan': a rate is"),
        (["--rps", "1e12"], "'1e12': a rate is"),
        (["--rps", "1", "--burst", "0.5"], "'0.5': a factor is a number, 1 or more"),
        (["--rps", "1", "--repeats", "80"], "'80': a share is a number from 0 to 1, like 0.8"),
        (["--rps", "1", "--simulate", "flood"], "invalid choice: 'flood'"),
        (["--rps", "1", "2", "--simulate", "burst"], "--simulate plays one load: give --rps one number"),
        (["--costs", "/nowhere/costs.json"], "/nowhere/costs.json can't be read: no such file or directory"),
    ],
)
def test_wrong_use_is_told_what_would_be_right(capsys, arguments, said):
    code, out, err = ran(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_chart_that_can_not_be_written_is_told(capsys, tmp_path):
    code, _, err = ran(capsys, "--rps", "1000", "--chart", str(tmp_path / "none" / "plan.svg"))
    assert code == 1
    assert "the chart can't be written to" in err


def test_it_needs_no_settings_and_no_checkout(tmp_path):
    """Wrong settings do not stop it; from another folder nothing of the tests can be imported."""
    words = [str(Path(sys.executable).with_name("csp-sentinel")), "plan", "--rps", "50000"]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
        env={**os.environ, "SENTINEL_PORT": "none"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "collector pods" in done.stdout
